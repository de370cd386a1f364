// textops_module.cc: module textops: looking into a message and editing it as text. Edits are applied once,
// when the message is sent on: a script that looks again sees what was received.
#include "core/sip/text.h"
#include "core/worker/module.h"
#include "modules/textops/textops_parts.h"

namespace lockstep::textops {
namespace {

class TextopsModule : public worker::Module {
 public:
  TextopsModule() {
    exports_.name = "textops";
    exports_.doc = "Looks into messages and edits them as text.";
    const auto cache = std::make_shared<RegexCache>();
    add_header_functions(exports_, cache);
    add_search_functions(exports_, cache);
    add_substitution_functions(exports_, substitutions_);
    add_body_functions(exports_);
    add_string_functions(exports_);
  }
  const script::ModuleExports& exports() const override { return exports_; }

  Result<bool, std::string> start(worker::ServerHost& host) override {
    for (const auto& substitution : *substitutions_) {
      const std::string error = substitution->resolve(host.registry);
      if (!error.empty()) return Failure<std::string>{"textops: " + error};
    }
    return true;
  }

 private:
  const std::shared_ptr<Substitutions> substitutions_ = std::make_shared<Substitutions>();
  script::ModuleExports exports_;
};

}  // namespace
}  // namespace lockstep::textops

LS_MODULE(lockstep::textops::TextopsModule)
