// record_file.h: an order log as a file, to be attached to a ticket, shown and replayed elsewhere.
// One head, then frames (a record and its message bytes), then an end that counts them and checks them all.
// Numbers are as this machine has them: the file is read by a binary of the same layout.
#pragma once

#include <string>

#include "core/base/result.h"
#include "core/order/log.h"

namespace lockstep::order {

// Error: one line for the operator.
Result<bool, std::string> write_file(const Log& log, const std::string& path);
// A file that was cut short gives what is whole, and a remark.
Result<Log, std::string> read_file(const std::string& path);

}  // namespace lockstep::order
