// large_config_test.cc: a whole configuration in the style that operators write, compiled against functions
// that only note that they were called. What a run calls, in order, is compared as a whole.
#include <cppunit/extensions/HelperMacros.h>

#include <map>
#include <set>

#include "core/base/log.h"
#include "core/script/globals.h"
#include "core/script/program.h"

namespace lockstep::script {
namespace {

constexpr const char* kOffice = R"cfg(#!KAMAILIO
# A small office behind a session border controller. Calls from the controller go to all phones of a
# person; calls of phones go to the controller; groups ring one after another.

#!define WITH_GROUPS
#!trydef SBC_IP 192.0.2.10
#!trydef SBC_PORT 5060
#!trydef OFFICE "office.test"
#!define FLAG_CALL 1
#!define FLAG_NATTED 5
#!define MANY \
  7200

#!ifdef WITH_QUIET
debug=0
#!else
#!ifdef WITH_NOISE
debug=3
#!else
debug=1
#!endif
#!endif

/* global parameters
   /* nested */
*/
log_stderror=no
log_facility=LOG_LOCAL2
log_prefix="{$rm $ci} "
memdbg=5
memlog=5
fork=yes
children=4
port=5060
listen=udp:127.0.0.1:5060 advertise sip.office.test:5060
listen=udp:[::1]:5060
alias=OFFICE
alias="www.office.test"
disable_tcp=yes
auto_aliases=no
max_branches=12
max_while_loops=50
server_header="Server: office"
user_agent_header="User-Agent: office"

group.night = "sip:guard@office.test" desc "who takes calls at night"
group.limit = 3 desc "phones that ring at once"

mpath="modules/"
loadmodule "office.so"

modparam("office", "fr_timer", 30000)
modparam("office", "fr_inv_timer", 120000)
modparam("office|none", "max_expires", MANY)
modparam("office", "log_extra",
  "src=$fU;"
  "dst=$tU")
modparam("office", "use_path", yes)

request_route {
  # every request
  route(BASICS);
  route(NATTEST);

  if (is_method("CANCEL")) {
    if (t_check_trans()) {
      route(OUT);
    }
    exit;
  }

  if (!is_method("ACK")) {
    if (t_precheck_trans()) {
      t_check_trans();
      exit;
    }
    t_check_trans();
  }

  route(DIALOG);

  # only initial requests from here
  remove_hf("Route");
  if (is_method("INVITE|SUBSCRIBE")) record_route();
  if (is_method("INVITE")) {
    setflag(FLAG_CALL);
  }

  route(REGISTER);

  if ($rU == $null) {
    sl_send_reply("484", "Address Incomplete");
    exit;
  }

  if (src_ip==SBC_IP && src_port==SBC_PORT) {
    route(INBOUND);
  } else if (uri==myself) {
    route(INTERNAL);
  } else {
    route(OUTBOUND);
  }
}

route[BASICS] {
  force_rport();
  if ($ua =~ "friendly-scanner|sipvicious|sip-?scan") {
    exit;
  }
  if (!mf_process_maxfwd_header("10")) {
    sl_send_reply("483", "Too Many Hops");
    exit;
  }
  if (is_method("OPTIONS") && uri==myself && $rU == $null) {
    sl_send_reply("200", "Keepalive");
    exit;
  }
  if (!sanity_check("17895", "7")) {
    xlog("L_WARN", "malformed request from $si:$sp\n");
    exit;
  }
}

route[NATTEST] {
#!ifdef WITH_NAT
  force_everything_that_does_not_exist(;
#!endif
  return;
}

route[DIALOG] {
  if (!has_totag()) return;

  if (loose_route()) {
    if (is_method("BYE")) {
      setflag(FLAG_CALL);
    } else if (is_method("ACK")) {
      route(NATMANAGE);
    } else if (is_method("NOTIFY")) {
      record_route();
    }
    route(OUT);
    exit;
  }
  if (is_method("ACK")) {
    if (t_check_trans()) {
      route(OUT);
      exit;
    } else {
      exit;
    }
  }
  sl_send_reply("404", "Not here");
  exit;
}

route[NATMANAGE] {
  return;
}

route[REGISTER] {
  if (!is_method("REGISTER")) return;
  if (isflagset(FLAG_NATTED)) {
    setbflag(6);
  }
  if (!save("location")) {
    sl_reply_error();
  }
  exit;
}

route[INBOUND] {
  $var(tries) = 0;
  $var(target) = $rU;
  switch ($var(target)) {
    case "sales":
    case "support":
      route(GROUP);
      exit;
    case "guard":
      $ru = @cfg_get.group.night;
      break;
    case /"^[0-9]{2,4}$":
      $avp(extension) = $var(target);
      xlog("L_INFO", "extension $avp(extension) of $(ru{s.select,1,@})\n");
      break;
    default:
      $avp(extension) = $null;
  }
  route(LOCATION);
}

#!ifdef WITH_GROUPS
route[GROUP] {
  while ($var(tries) < 3) {
    $var(tries) = $var(tries) + 1;
    if ($var(tries) mod 2 == 0) {
      xlog("L_DBG", "even " + $var(tries) + "\n");
    }
    if ($var(tries) >= $sel(cfg_get.group.limit)) break;
  }
  xlog("L_INFO", "group $var(target) after $var(tries) rounds\n");
  route("GROUP_" + $var(target));
}
#!endif

route[GROUP_sales] {
  $ru = "sip:" + $var(target) + "@" + OFFICE;
  append_branch("sip:second@office.test");
  route(LOCATION);
}

route[GROUP_support] {
  $ru = "sip:helpdesk@office.test";
  route(LOCATION);
}

route[INTERNAL] {
  if (from_uri!=myself and not strempty($rU)) {
    sl_send_reply("403", "Not yours");
    exit;
  }
  route(LOCATION);
}

route[OUTBOUND] {
  if ((src_ip==10.0.0.0/8 || src_ip==192.168.0.0/16) && strlen($rU) > 2) {
    $du = "sip:192.0.2.10:5060";
    prefix("0");
    route(OUT);
    exit;
  }
  sl_send_reply("403", "Relaying is denied");
  exit;
}

route[LOCATION] {
  if (!lookup("location")) {
    $var(rc) = $rc;
    t_newtran();
    switch ($var(rc)) {
      case -1:
      case -3:
        send_reply("404", "Not Found");
        exit;
      case -2:
        send_reply("405", "Method Not Allowed");
        exit;
    }
  }
  route(OUT);
  exit;
}

route[OUT] {
  if (is_method("INVITE|BYE|SUBSCRIBE|UPDATE")) {
    if (!t_is_set("branch_route")) t_on_branch("EACH_BRANCH");
  }
  if (is_method("INVITE|SUBSCRIBE|UPDATE")) {
    if (!t_is_set("onreply_route")) t_on_reply("EACH_REPLY");
  }
  if (is_method("INVITE")) {
    if (!t_is_set("failure_route")) t_on_failure("NO_ANSWER");
  }
  if (!t_relay()) {
    sl_reply_error();
  }
  exit;
}

branch_route[EACH_BRANCH] {
  xlog("L_DBG", "branch to $ru\n");
}

reply_route {
  if (status=~"[12][0-9][0-9]") {
    route(NATMANAGE);
  }
  if (msg:len > 4000) drop;
}

onreply_route[EACH_REPLY] {
  if (status==183 || status==180) {
    xlog("L_DBG", "ringing\n");
  }
}

failure_route[NO_ANSWER] {
  if (t_is_canceled()) exit;
  if (t_check_status("486|408")) {
    $ru = $sel(cfg_get.group.night);
    t_on_failure("0");
    t_relay();
    exit;
  }
}

event_route[office:late] {
  xlog("L_NOTICE", "late by $(avp(ms){s.int})\n");
}
)cfg";

class OfficeLoader : public ModuleLoader {
 public:
  explicit OfficeLoader(const ModuleExports& exports) : exports_(exports) {}
  Result<const ModuleExports*, std::string> load(std::string_view, const Location&) override {
    return &exports_;
  }

 private:
  const ModuleExports& exports_;
};

class LargeConfigTest : public CPPUNIT_NS::TestFixture {
  CPPUNIT_TEST_SUITE(LargeConfigTest);
  CPPUNIT_TEST(compiles_without_a_remark);
  CPPUNIT_TEST(prints_back_to_the_same_tree);
  CPPUNIT_TEST(invite_from_the_controller_forks);
  CPPUNIT_TEST(group_call_goes_through_the_computed_route);
  CPPUNIT_TEST(bye_in_a_dialog_follows_the_route);
  CPPUNIT_TEST(register_is_saved);
  CPPUNIT_TEST(unknown_extension_gets_404);
  CPPUNIT_TEST(failure_route_goes_to_the_guard);
  CPPUNIT_TEST_SUITE_END();

 public:
  void setUp() override {
    log_settings().level = -5;
    exports_.name = "office";
    exports_.event_routes = {"office:*"};
    for (const char* name : {"fr_timer", "fr_inv_timer", "max_expires", "use_path"}) {
      exports_.parameters.push_back({name, ParameterSpec::Type::kInt, {}, nullptr});
    }
    exports_.parameters.push_back({"log_extra", ParameterSpec::Type::kString, {}, nullptr});
    for (const char* name : {"t_check_trans",
                             "t_precheck_trans",
                             "remove_hf",
                             "record_route",
                             "setflag",
                             "isflagset",
                             "setbflag",
                             "sl_send_reply",
                             "send_reply",
                             "force_rport",
                             "mf_process_maxfwd_header",
                             "sanity_check",
                             "xlog",
                             "has_totag",
                             "loose_route",
                             "save",
                             "sl_reply_error",
                             "append_branch",
                             "prefix",
                             "lookup",
                             "t_newtran",
                             "t_is_set",
                             "t_relay",
                             "t_is_canceled",
                             "t_check_status"}) {
      add_function(name, {.type = ParamType::kFormat, .name = "text"});
    }
    add_function("t_on_branch", {.type = ParamType::kRoute, .name = "r", .route_kind = RouteKind::kBranch});
    add_function("t_on_reply", {.type = ParamType::kRoute, .name = "r", .route_kind = RouteKind::kOnReply});
    add_function("t_on_failure", {.type = ParamType::kRoute, .name = "r", .route_kind = RouteKind::kFailure});
    FunctionSpec is_method{.name = "is_method", .params = {{.type = ParamType::kLiteral, .name = "m"}}};
    is_method.body = [this](Context&, const Arguments& arguments) {
      const std::string list = "|" + std::string(arguments.string(0)) + "|";
      return list.find("|" + values_["rm"] + "|") != std::string::npos ? 1 : -1;
    };
    exports_.functions.push_back(std::move(is_method));
    for (const char* name : {"rU", "ru", "du", "ua", "si", "sp", "fU", "tU", "rm", "ci"})
      add_variable(name, {});
    add_variable("avp", InnerName::kRequired);
    for (const char* name : {"uri", "from_uri", "status"}) add_keyword(name, KeywordSpec::Type::kString);
    add_keyword("src_ip", KeywordSpec::Type::kAddress);
    add_keyword("src_port", KeywordSpec::Type::kInt);
    add_keyword("msg:len", KeywordSpec::Type::kInt);
    registry_.set_is_myself(
        [](Context&, std::string_view subject) { return subject.ends_with("office.test"); });
    values_ = {{"rm", "INVITE"},
               {"rU", "42"},
               {"ru", "sip:42@office.test"},
               {"uri", "sip:42@office.test"},
               {"src_ip", "192.0.2.10"},
               {"src_port", "5060"},
               {"from_uri", "sip:x@far.test"},
               {"si", "192.0.2.10"}};
    false_ = {"t_precheck_trans", "has_totag", "t_is_set", "isflagset"};
  }

  void compiles_without_a_remark() {
    compile_office();
    CPPUNIT_ASSERT_EQUAL(std::string(), rendered_);
    CPPUNIT_ASSERT(program_ != nullptr);
    CPPUNIT_ASSERT_EQUAL(1, globals_.debug);
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, globals_.listen.size());
    CPPUNIT_ASSERT_EQUAL(std::size_t{19}, program_->route_count());
  }

  void prints_back_to_the_same_tree() {
    Diagnostics diagnostics;
    const std::string printed = print_tree(load_text("office.cfg", kOffice, {}, diagnostics));
    CPPUNIT_ASSERT_EQUAL(printed, print_tree(load_text("office.cfg", printed, {}, diagnostics)));
    CPPUNIT_ASSERT_EQUAL(std::string(), diagnostics.render());
  }

  void invite_from_the_controller_forks() {
    CPPUNIT_ASSERT_EQUAL(
        std::string("force_rport() mf_process_maxfwd_header(10) sanity_check(17895,7) t_precheck_trans() "
                    "t_check_trans() has_totag() remove_hf(Route) record_route() setflag(1) "
                    "xlog(L_INFO,extension 42 of office.test\n) lookup(location) t_is_set(branch_route) "
                    "t_on_branch(EACH_BRANCH) t_is_set(onreply_route) t_on_reply(EACH_REPLY) "
                    "t_is_set(failure_route) t_on_failure(NO_ANSWER) t_relay()"),
        run(RouteKind::kRequest, ""));
  }

  void group_call_goes_through_the_computed_route() {
    values_["rU"] = "sales";
    const std::string calls = run(RouteKind::kRequest, "");
    CPPUNIT_ASSERT(calls.find("xlog(L_DBG,even 2\n) xlog(L_INFO,group sales after 3 rounds\n) "
                              "append_branch(sip:second@office.test) lookup(location)") != std::string::npos);
    CPPUNIT_ASSERT_EQUAL(std::string("sip:sales@office.test"), values_["ru"]);
  }

  void bye_in_a_dialog_follows_the_route() {
    values_["rm"] = "BYE";
    false_.erase("has_totag");
    const std::string calls = run(RouteKind::kRequest, "");
    CPPUNIT_ASSERT(
        calls.ends_with("has_totag() loose_route() setflag(1) t_is_set(branch_route) "
                        "t_on_branch(EACH_BRANCH) t_relay()"));
  }

  void register_is_saved() {
    values_["rm"] = "REGISTER";
    CPPUNIT_ASSERT(run(RouteKind::kRequest, "").ends_with("remove_hf(Route) isflagset(5) save(location)"));
  }

  void unknown_extension_gets_404() {
    false_.insert("lookup");
    CPPUNIT_ASSERT(
        run(RouteKind::kRequest, "").ends_with("lookup(location) t_newtran() send_reply(404,Not Found)"));
  }

  void failure_route_goes_to_the_guard() {
    false_.insert("t_is_canceled");
    CPPUNIT_ASSERT_EQUAL(std::string("t_is_canceled() t_check_status(486|408) t_on_failure(0) t_relay()"),
                         run(RouteKind::kFailure, "NO_ANSWER"));
    CPPUNIT_ASSERT_EQUAL(std::string("sip:guard@office.test"), values_["ru"]);
  }

 private:
  void add_function(const std::string& name, ParamSpec param) {
    FunctionSpec spec{.name = name, .params = {std::move(param)}, .min_count = 0, .repeats_last = true};
    spec.body = [this, name](Context&, const Arguments& arguments) {
      if (!calls_.empty()) calls_ += ' ';
      calls_ += name + "(";
      for (std::size_t i = 0; i < arguments.size(); ++i) {
        if (i > 0) calls_ += ',';
        calls_ += arguments.printed(i);
      }
      calls_ += ')';
      return false_.contains(name) ? -1 : 1;
    };
    exports_.functions.push_back(std::move(spec));
  }

  void add_variable(const std::string& name, InnerName inner) {
    VariableSpec spec;
    spec.name = name;
    spec.inner = inner;
    spec.get = [this, name](Context& context, const VariableRef&) {
      const auto found = values_.find(name);
      return found == values_.end() ? Value::null() : context.make_string(found->second);
    };
    spec.set = [this, name](Context& context, const VariableRef&, const Value& value) {
      values_[name] = context.text_of(value);
      return true;
    };
    exports_.variables.push_back(std::move(spec));
  }

  void add_keyword(const std::string& name, KeywordSpec::Type type) {
    exports_.keywords.push_back(
        {name, type, {}, [this, name](Context& context) { return context.make_string(values_[name]); }});
  }

  void compile_office() {
    Diagnostics diagnostics;
    const ConfigTree tree = load_text("office.cfg", kOffice, {}, diagnostics);
    globals_ = read_globals(tree, registry_, diagnostics);
    OfficeLoader loader(exports_);
    program_ = compile(tree, registry_, loader, diagnostics);
    rendered_ = diagnostics.render();
  }

  std::string run(RouteKind kind, std::string_view name) {
    compile_office();
    CPPUNIT_ASSERT_EQUAL(std::string(), rendered_);
    Arena arena(64 * 1024);
    ScriptState state(registry_.variable_count());
    Context context(arena, state);
    calls_.clear();
    program_->run(program_->find_route(kind, name), context);
    return calls_;
  }

  ModuleExports exports_;
  Registry registry_;
  Globals globals_;
  std::unique_ptr<Program> program_;
  std::string rendered_;
  std::map<std::string, std::string> values_;
  std::set<std::string> false_;
  std::string calls_;
};
CPPUNIT_TEST_SUITE_REGISTRATION(LargeConfigTest);

}  // namespace
}  // namespace lockstep::script
