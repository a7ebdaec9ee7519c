/* Seeded rows: the same seed gives the same rows. */
#ifndef SANDBOX_DYNAMICS_SEED_H
#define SANDBOX_DYNAMICS_SEED_H

#include "dynamics/dynamics.h"

/* Appends rows to a table (its place in `tables`); links point at what is there. */
bool sandbox_seed(struct sandbox_dynamics *dynamics, size_t table, size_t count, uint64_t seed);
/* A new text for a touched column; differs from call to call. */
void sandbox_seed_name(uint64_t *random, struct sandbox_buf *buf);

#endif
