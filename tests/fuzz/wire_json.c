// The JSON of a connection: hello, requests and answers. The first byte chooses which.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "service/wire/hello.h"
#include "service/wire/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void as_hello(const uint8_t *data, size_t size)
{
    struct hello mine = {.major = WIRE_MAJOR, .product = "1", .host = "here"}, theirs;
    enum status st = hello_decode(&mine, data, size, &theirs);
    check(st == STATUS_OK || st == STATUS_PROTOCOL || st == STATUS_VERSION);
    check(st != STATUS_OK || (theirs.host[0] != '\0' && strlen(theirs.host) < sizeof theirs.host));
}

// What was accepted comes back from its own encoding.
static void as_request(const uint8_t *data, size_t size)
{
    struct request request, again;
    enum status st = request_decode(data, size, &request);
    check(st == STATUS_OK || st == STATUS_PROTOCOL);
    if (st != STATUS_OK)
        return;
    json_t *object = request_encode(&request);
    char *text = object ? js_text(object) : NULL;
    if (text) {
        check(request_decode((const uint8_t *)text, strlen(text), &again) == STATUS_OK);
        check(again.disks.count == request.disks.count);
        request_free(&again);
    }
    free(text);
    json_decref(object);
    request_free(&request);
}

static void as_reply(const uint8_t *data, size_t size)
{
    struct pair_mismatch mismatch = {.present = false};
    struct agreement agreement;
    struct beginning beginning;
    struct outcome_report report;
    json_t *reply = NULL;
    if (reply_decode(data, size, &mismatch, &reply) != STATUS_OK)
        return;
    if (agreement_decode(reply, &agreement) == STATUS_OK)
        agreement_free(&agreement);
    if (beginning_decode(reply, &beginning) == STATUS_OK)
        check(beginning.count <= RELATIONSHIP_DISKS_MAX);
    if (outcome_decode(reply, &report) == STATUS_OK)
        check(report.count <= RELATIONSHIP_DISKS_MAX);
    json_decref(reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    switch (data[0] % 3) {
    case 0:
        as_hello(data + 1, size - 1);
        break;
    case 1:
        as_request(data + 1, size - 1);
        break;
    default:
        as_reply(data + 1, size - 1);
        break;
    }
    return 0;
}
