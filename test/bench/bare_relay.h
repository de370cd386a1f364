// bare_relay.h: the floor under any proxy: a process that receives and sends as many datagrams of the same
// sizes as a plain call needs (6 in, 7 out), in batches, and does nothing else.
#pragma once

namespace lockstep::bench {

// CPU microseconds of the relay per call, at this rate on loopback; negative if calls were lost.
double measure_bare_relay(int calls, int calls_per_second);

}  // namespace lockstep::bench
