// tm_rpc.h: tm.stats and tm.list. They run in the control process and only read the segment.
#pragma once

#include "core/worker/module.h"

namespace lockstep::tm {

void register_tm_rpc(worker::ServerHost& host);

}  // namespace lockstep::tm
