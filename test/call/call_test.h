// call_test.h: what the call tests share: one server, one stage and any number of phones per test. tearDown
// stops the server and requires that nothing is left of it and that its log tells of no bug.
#pragma once

#include <cppunit/TestFixture.h>
#include <cppunit/extensions/HelperMacros.h>

#include <memory>
#include <string>
#include <vector>

#include "test/harness/phone.h"
#include "test/harness/server.h"
#include "test/harness/stage.h"

// Runs the stage until `condition` holds; else fails and shows what was on the wire.
#define LS_WAIT(condition)                                                                \
  do {                                                                                    \
    const bool came = stage.run_until([&] { return (condition); });                       \
    CPPUNIT_ASSERT_MESSAGE("never came: " #condition "\n" + (came ? "" : story()), came); \
  } while (false)

namespace lockstep::harness {

using Lines = std::vector<std::string>;

class CallTest : public CppUnit::TestFixture {
 public:
  void tearDown() override {
    phones_.clear();
    if (!server_) return;
    const std::unique_ptr<Server> server = std::move(server_);
    const Lines left = server->stop();
    if (Server::is_peer()) return;  // What the peer leaves is its own affair.
    CPPUNIT_ASSERT_EQUAL_MESSAGE("left behind", std::string(), joined(left));
    if (!expects_deaths_) {
      CPPUNIT_ASSERT_EQUAL_MESSAGE("in the log", std::string(), joined(server->complaints()));
    }
  }

 protected:
  void serve(int children = 2, std::vector<std::string> arguments = {},
             const std::string& config = "test/call/office.cfg") {
    server_ = std::make_unique<Server>(ServerOptions{config, children, std::move(arguments)});
    server_->start();
  }

  Server& server() { return *server_; }

  Phone& phone(const std::string& name, const std::string& user) {
    phones_.push_back(std::make_unique<Phone>(stage, name, user, server_->address()));
    return *phones_.back();
  }

  // A phone whose contact is registered.
  Phone& registered(const std::string& name, const std::string& user, const std::string& q = "") {
    Phone& one = phone(name, user);
    const Transaction& registration = one.register_contact(3600, q);
    LS_WAIT(registration.final_status != 0);
    CPPUNIT_ASSERT_EQUAL(200, registration.final_status);
    return one;
  }

  // Both of bob's phones, and who calls him.
  struct Forked {
    Phone& a;
    Phone& b;
    Phone& caller;
  };
  Forked forked() { return {registered("a", "bob"), registered("b", "bob"), phone("caller", "alice")}; }

  std::string story() const { return "on the wire, in order:\n" + joined(stage.wire()) + log_text(); }
  std::string log_text() const {
    const std::string log = server_ ? server_->log() : "";
    return log.empty() ? "" : "log:\n" + log.substr(log.size() > 4000 ? log.size() - 4000 : 0);
  }

  void assert_seen(const Phone& by, const Lines& expected) {
    CPPUNIT_ASSERT_EQUAL_MESSAGE(by.name() + " saw something else\n" + story(), joined(expected),
                                 joined(seen_by(stage.wire(), by.name())));
  }

  // Each line's first occurrence comes before the next line's first occurrence.
  void assert_order(const Lines& lines) {
    const Lines wire = stage.wire();
    std::size_t from = 0;
    for (const std::string& line : lines) {
      while (from < wire.size() && wire[from] != line) ++from;
      CPPUNIT_ASSERT_MESSAGE("not in this order: " + line + "\n" + story(), from < wire.size());
      ++from;
    }
  }

  // The test kills workers itself: the log will say so.
  void expect_deaths() { expects_deaths_ = true; }

  Stage stage;

 private:
  bool expects_deaths_ = false;
  std::unique_ptr<Server> server_;
  std::vector<std::unique_ptr<Phone>> phones_;
};

}  // namespace lockstep::harness
