/* Resynchronizes a relationship and shows how far it is:
 *
 *     cc -I ps/client docs/examples/resync.c -L build/native/bin -lvrep -o resync
 *     ./resync NAME [INSTANCE]
 *
 * Exit code 0: the disks are in step. */
#include <stdio.h>
#include <string.h>

#include "vrep.h"

/* Shows the relationship's state as JSON has it; a program with a JSON library would take the
 * ResynchronizeBytes... members. */
static int32_t VREP_CALL show(void *context, const char *relationship)
{
    const char *activity = strstr(relationship, "\"ResynchronizeActivity\"");
    (void)context;
    if (activity)
        printf("%.60s\n", activity);
    fflush(stdout);
    return 1; /* go on waiting */
}

static int fail(struct vrep_client *client)
{
    fprintf(stderr, "%s\n", vrep_error(client)); /* {"code", "message", "action", ...} */
    vrep_close(client);
    return 1;
}

/* Names with '"', '\\' or control characters need a JSON library. */
static int start(struct vrep_client *client, const char *name)
{
    char request[1024];
    char *reply;
    if (strlen(name) > 512 || strpbrk(name, "\"\\"))
        return 0;
    sprintf(request, "{\"verb\": \"resume\", \"name\": \"%s\", \"resynchronize\": true}", name);
    if (vrep_request(client, request, 0, &reply) != VREP_OK)
        return 0;
    vrep_free(reply);
    return 1;
}

int main(int argc, char **argv)
{
    struct vrep_client *client;
    char *end;
    int in_step;
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "resync NAME [INSTANCE], with libvrep %s\n", vrep_version());
        return 2;
    }
    if (vrep_open(argc == 3 ? argv[2] : NULL, "resync.c", &client) != VREP_OK)
        return fail(NULL);
    if (!start(client, argv[1]) || vrep_wait(client, argv[1], 200, show, NULL, &end) != VREP_OK)
        return fail(client);
    in_step = strstr(end, "\"ReplicationStateText\":\"Replicating\"") != NULL;
    printf("%s\n", in_step ? "In step." : end);
    vrep_free(end);
    vrep_close(client);
    return in_step ? 0 : 1;
}
