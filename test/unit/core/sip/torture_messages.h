// torture_messages.h: messages after RFC 4475, each with the fault that must be found, or none.
// Written from the requirements of that RFC; what each one tries is its name there and its comment.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/sip/fault.h"

namespace lockstep::sip {

struct TortureMessage {
  std::string name;  // As in RFC 4475, or a plain name for our own.
  std::string bytes;
  std::optional<Fault> fault;  // Of validate().
};

std::vector<TortureMessage> valid_torture_messages();
std::vector<TortureMessage> invalid_torture_messages();

}  // namespace lockstep::sip
