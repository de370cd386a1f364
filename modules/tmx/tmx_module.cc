// tmx: the extensions of tm that scripts use.
#include "core/worker/export_helpers.h"
#include "core/worker/module.h"

namespace lockstep::tmx {
namespace {

using script::Arguments;
using script::RouteKind;
using script::Value;
using worker::answer;
using worker::make_function;
using worker::ScriptContext;

script::VariableSpec variable(std::string name, std::string doc, Value (*get)(ScriptContext&)) {
  script::VariableSpec spec;
  spec.name = std::move(name);
  spec.doc = std::move(doc);
  spec.get = [get](script::Context& context, const script::VariableRef&) {
    return get(worker::context_of(context));
  };
  return spec;
}

}  // namespace

class TmxModule final : public worker::Module {
 public:
  TmxModule() {
    exports_.name = "tmx";
    exports_.doc = "Extensions of tm.";
    // Requests of one call are worked one after the other, in the order of their arrival: a repetition
    // never runs beside its original, so there is nothing to find here.
    exports_.functions.push_back(
        make_function("t_precheck_trans", "whether another worker is busy with this request",
                      worker::kInRequestRouteOnly, {}, [](ScriptContext&, const Arguments&) { return -1; }));
    const auto in_route = [](RouteKind kind) {
      return [kind](ScriptContext& c, const Arguments&) {
        return answer((c.route_kinds() & script::mask_of(kind)) != 0);
      };
    };
    add("t_is_request_route", "in request_route", in_route(RouteKind::kRequest));
    add("t_is_branch_route", "in a branch_route", in_route(RouteKind::kBranch));
    add("t_is_failure_route", "in a failure_route", in_route(RouteKind::kFailure));
    add("t_is_reply_route", "in an onreply_route", in_route(RouteKind::kOnReply));
    exports_.functions.push_back(make_function(
        "t_cancel_branches", "cancels \"all\", \"others\" or \"this\"", script::mask_of(RouteKind::kOnReply),
        {worker::literal_param("which")},
        [](ScriptContext& c, const Arguments& a) { return c.transactions.cancel_branches(c, a.string(0)); }));
    exports_.variables.push_back(
        variable("T_reply_code", "Status that wins, or of the response in hand.",
                 [](ScriptContext& c) { return Value::of_int(c.transactions.status(c)); }));
    exports_.variables.push_back(
        variable("T_reply_last", "Status last received or sent.",
                 [](ScriptContext& c) { return Value::of_int(c.transactions.status(c)); }));
    exports_.variables.push_back(
        variable("T_branch_count", "Branches of the transaction.",
                 [](ScriptContext& c) { return Value::of_int(c.transactions.branch_count(c)); }));
  }
  const script::ModuleExports& exports() const override { return exports_; }

 private:
  template <typename Body>
  void add(const char* name, const char* doc, Body body) {
    exports_.functions.push_back(make_function(name, doc, script::kAnyRoute, {}, body));
  }
  script::ModuleExports exports_;
};

}  // namespace lockstep::tmx

LS_MODULE(lockstep::tmx::TmxModule)
