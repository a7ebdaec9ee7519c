#include <stdio.h>
#include <stdlib.h>

#include "admin/world.h"

int main(int argc, char **argv)
{
    struct sandbox_world *world = calloc(1, sizeof *world);

    if (!world)
        return EXIT_FAILURE;
    sandbox_options_parse(&world->options, argc, argv);
    bool opened = sandbox_world_open(world);
    if (opened) {
        sandbox_world_ready(world);
        sandbox_loop_run(world->loop);
    }
    sandbox_world_close(world);
    free(world);
    return opened ? EXIT_SUCCESS : EXIT_FAILURE;
}
