#include "admin/world.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "admin/admin.h"
#include "admin/script.h"
#include "admin/upload.h"
#include "dynamics/seed.h"

static bool fail(const char *what)
{
    fprintf(stderr, "ferry-sandbox: %s\n", what);
    return false;
}

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "r");
    struct sandbox_buf buf = {0};
    char part[4096];
    size_t size;

    if (!file)
        return NULL;
    while ((size = fread(part, 1, sizeof part, file)) > 0)
        sandbox_buf_add(&buf, part, size);
    fclose(file);
    return sandbox_buf_take(&buf, NULL);
}

/* Pages of some megabytes come and go: from the heap, not each time from the kernel. */
static void prepare_process(void)
{
    struct rlimit limit;

    mallopt(M_MMAP_THRESHOLD, 64 * 1024 * 1024);
    mallopt(M_TRIM_THRESHOLD, 512 * 1024 * 1024);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static bool seed_all(struct sandbox_world *world)
{
    static const size_t order[] = {SANDBOX_ACCOUNT, SANDBOX_CONTACT, SANDBOX_PURCHASE,
                                   SANDBOX_LINE};
    const unsigned *rows = world->options.rows;
    unsigned counts[SANDBOX_PLANS] = {rows[0], rows[1], rows[2], rows[3], 0};

    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++)
        if (!sandbox_seed(&world->dynamics, order[i], counts[order[i]], world->options.seed))
            return fail("out of memory while seeding");
    return sandbox_seed(&world->dynamics, SANDBOX_UNTRACKED, 3, world->options.seed);
}

static bool read_certificates(struct sandbox_world *world)
{
    if (!*world->options.tls_cert)
        return true;
    world->tls_cert = read_file(world->options.tls_cert);
    world->tls_key = read_file(world->options.tls_key);
    return (world->tls_cert && world->tls_key) || fail("cannot read the TLS files");
}

static bool listen_all(struct sandbox_world *world)
{
    struct sandbox_service *services[] = {&world->dynamics.service, &world->campaign.service,
                                          &world->admin};

    for (size_t i = 0; i < 3; i++) {
        struct sandbox_http_options options = {.port = (uint16_t)world->options.ports[i],
                                               .tls_cert = i < 2 ? world->tls_cert : NULL,
                                               .tls_key = i < 2 ? world->tls_key : NULL};
        world->http[i] = sandbox_http_new(world->loop, services[i], &options);
        if (!world->http[i])
            return fail("cannot listen (port in use?)");
    }
    return true;
}

bool sandbox_world_open(struct sandbox_world *world)
{
    const struct sandbox_options *options = &world->options;

    prepare_process();
    world->loop = sandbox_loop_new();
    sandbox_dynamics_init(&world->dynamics, &options->dynamics, &world->clock, &world->faults);
    sandbox_campaign_init(&world->campaign, &options->campaign, &world->clock, &world->faults);
    sandbox_consent_init(&world->consent, &world->dynamics, &world->campaign);
    sandbox_admin_init(world);
    world->dynamics.service.latency_ms = options->dynamics_latency_ms;
    world->campaign.service.latency_ms = options->campaign_latency_ms;
    world->faults.random = options->seed;
    if (!world->loop)
        return fail("cannot start the loop");
    return read_certificates(world) && seed_all(world) && listen_all(world);
}

void sandbox_world_ready(const struct sandbox_world *world)
{
    const char *scheme = world->tls_cert ? "https" : "http";

    printf("{\"dynamics\":\"%s://127.0.0.1:%" PRIu16 "\",\"campaign\":\"%s://127.0.0.1:%" PRIu16
           "\",\"admin\":\"http://127.0.0.1:%" PRIu16 "\"}\n",
           scheme, sandbox_http_port(world->http[0]), scheme, sandbox_http_port(world->http[1]),
           sandbox_http_port(world->http[2]));
    fflush(stdout);
}

void sandbox_world_close(struct sandbox_world *world)
{
    if (world->loop)
        sandbox_loop_flush(world->loop);
    for (size_t i = 0; i < 3; i++)
        sandbox_http_free(world->http[i]);
    sandbox_scripts_stop(world);
    sandbox_uploads_stop(world);
    sandbox_logs_done(&world->logs);
    sandbox_buf_done(&world->optouts.lines);
    sandbox_loop_free(world->loop);
    sandbox_dynamics_done(&world->dynamics);
    sandbox_campaign_done(&world->campaign);
    sandbox_consent_done(&world->consent);
    sandbox_faults_done(&world->faults);
    sandbox_stats_reset(&world->admin.stats);
    free(world->tls_cert);
    free(world->tls_key);
}
