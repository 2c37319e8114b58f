// Who gets to the control socket, and who may offer one.
#include "tests/support/test.h"

#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/control_name.h"
#include "base/frame.h"
#include "base/os.h"
#include "ps/client/link.h"
#include "ps/client/vrep.h"
#include "service/control/server.h"

#define NOBODY 65534

struct place {
    char instance[32];
    char *socket;
    char *folder;
};

static int set_up(void **state)
{
    static struct place place;
    snprintf(place.instance, sizeof place.instance, "socket-%u", (unsigned)os_process_id());
    if (control_name(place.instance, &place.socket) != STATUS_OK)
        return -1;
    place.folder = os_path_folder(place.socket);
    *state = &place;
    return place.folder ? 0 : -1;
}

static int tear_down(void **state)
{
    struct place *place = *state;
    unlink(place->socket);
    rmdir(place->folder);
    free(place->socket);
    free(place->folder);
    return 0;
}

static enum status answer(void *context, const struct control_caller *caller, const json_t *request,
                          json_t **result)
{
    (void)context;
    (void)request;
    *result = json_pack("{s:s}", "Account", caller->account);
    return *result ? STATUS_OK : status_no_memory("an answer");
}

static struct control_server *start(const struct place *place)
{
    struct control_server *server;
    assert_ok(control_server_start(place->instance, answer, NULL, &server));
    return server;
}

static void server__folder_open_to_others__is_refused(void **state)
{
    struct place *place = *state;
    struct control_server *server;
    assert_ok(os_make_folders(place->folder, true));
    assert_int_equal(chmod(place->folder, 0755), 0);
    assert_status(control_server_start(place->instance, answer, NULL, &server),
                  STATUS_ACCESS_DENIED);
    assert_non_null(strstr(status_last()->message, place->folder));
    assert_int_equal(chmod(place->folder, 0700), 0);
    control_server_stop(start(place));
}

static void server__socket_of_a_dead_service__is_replaced(void **state)
{
    struct place *place = *state;
    pid_t child = fork();
    if (child == 0) {
        struct control_server *server;
        _exit(control_server_start(place->instance, answer, NULL, &server) == STATUS_OK ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(access(place->socket, F_OK), 0);
    struct vrep_client *client;
    assert_int_equal(vrep_open(place->instance, "unit test", &client), STATUS_UNAVAILABLE);
    control_server_stop(start(place));
    assert_int_not_equal(access(place->socket, F_OK), 0);
}

static void server__another_user__is_denied_even_past_the_file_modes(void **state)
{
    struct place *place = *state;
    if (geteuid() != 0) {
        print_message("needs root to become another user\n");
        skip();
    }
    struct control_server *server = start(place);
    assert_int_equal(chmod(place->folder, 0755), 0);
    assert_int_equal(chmod(place->socket, 0666), 0);
    pid_t child = fork();
    if (child == 0) {
        // The library would look elsewhere for another user's service: straight to the socket.
        struct link *link;
        struct buffer frame = {0};
        char reply[1024] = "";
        size_t got = 0;
        const char *text = "{\"version\":{\"major\":1},\"verb\":\"status\"}";
        bool denied =
            setgid(NOBODY) == 0 && setuid(NOBODY) == 0 &&
            link_new(place->socket, &link) == STATUS_OK && link_connect(link, 5000) == STATUS_OK &&
            frame_append(&frame, text, strlen(text), FRAME_REQUEST_MAX) == STATUS_OK &&
            link_send(link, frame.data, frame.size, 5000) == STATUS_OK &&
            link_receive(link, reply, sizeof reply - 1, 5000, &got) == STATUS_OK &&
            got > FRAME_HEADER_SIZE && strstr(reply + FRAME_HEADER_SIZE, "AccessDenied") != NULL;
        _exit(denied ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(chmod(place->folder, 0700), 0);
    control_server_stop(server);
}

// What another user would do who got hold of the folder: listens at the name, and waits for
// requests.
static void impersonate_service(const struct place *place, int ready)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", place->socket);
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    if (setgid(NOBODY) != 0 || setuid(NOBODY) != 0 ||
        bind(listener, (const struct sockaddr *)&address, sizeof address) != 0 ||
        listen(listener, 1) != 0 || write(ready, "", 1) != 1)
        _exit(1);
    pause();
}

static void client__socket_of_another_user__is_not_trusted(void **state)
{
    struct place *place = *state;
    if (geteuid() != 0) {
        print_message("needs root to become another user\n");
        skip();
    }
    int ready[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    assert_ok(os_make_folders(place->folder, true));
    assert_int_equal(chown(place->folder, NOBODY, NOBODY), 0);
    pid_t child = fork();
    if (child == 0)
        impersonate_service(place, ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    struct vrep_client *client;
    assert_int_equal(vrep_open(place->instance, "unit test", &client), STATUS_ACCESS_DENIED);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    close(ready[0]);
    close(ready[1]);
    assert_int_equal(unlink(place->socket), 0);
    assert_int_equal(chown(place->folder, 0, 0), 0);
}

static void caller__is_the_user_of_the_process(void **state)
{
    struct place *place = *state;
    struct control_server *server = start(place);
    struct vrep_client *client;
    char *reply;
    char expected[512];
    const struct passwd *user = getpwuid(geteuid());
    assert_int_equal(vrep_open(place->instance, "unit test", &client), VREP_OK);
    assert_int_equal(vrep_request(client, "{\"verb\":\"x\"}", 0, &reply), VREP_OK);
    if (user) {
        snprintf(expected, sizeof expected, "{\"Account\":\"%s\"}", user->pw_name);
        assert_string_equal(reply, expected);
    }
    vrep_free(reply);
    vrep_close(client);
    control_server_stop(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(server__folder_open_to_others__is_refused),
        cmocka_unit_test(server__socket_of_a_dead_service__is_replaced),
        cmocka_unit_test(server__another_user__is_denied_even_past_the_file_modes),
        cmocka_unit_test(client__socket_of_another_user__is_not_trusted),
        cmocka_unit_test(caller__is_the_user_of_the_process),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
