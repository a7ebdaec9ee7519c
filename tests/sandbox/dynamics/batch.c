#include "dynamics/dynamics.h"

void sandbox_dynamics_batch(struct sandbox_call_context *call)
{
    call->request->call = SANDBOX_CALL_BATCH;
    sandbox_dynamics_error(call->request, 501, "0x80040219", "Not implemented by the sandbox.");
}
