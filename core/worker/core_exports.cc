// core_exports.cc: see core_exports.h.
#include "core/worker/core_exports.h"

#include "core/worker/script_context.h"

namespace lockstep::worker {

const script::ModuleExports& core_exports() {
  static const script::ModuleExports exports = [] {
    script::ModuleExports made;
    made.name = "core";
    made.doc = "What every script has: the Request-URI, flags, branches, stateless forwarding.";
    add_core_functions(made);
    add_core_keywords(made);
    return made;
  }();
  return exports;
}

void add_core(script::Registry& registry) {
  registry.add(core_exports());
  registry.set_is_myself([](script::Context& context, std::string_view subject) {
    return context_of(context).local_names.is_local_text(subject);
  });
}

}  // namespace lockstep::worker
