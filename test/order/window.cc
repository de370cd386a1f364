// window.cc: workers as far as the order is concerned: pools, outbox, engine, and what they own.
#include "test/order/window.h"

#include <cppunit/TestAssert.h>

#include <algorithm>

namespace lockstep::test {
namespace {

// Where phone 'A', 'B', 'C' lives: 127.0.0.2:5061, 127.0.0.3:5062, 127.0.0.4:5063.
char phone_at(const std::string& address) {
  if (address == "127.0.0.2:5061") return 'A';
  if (address == "127.0.0.3:5062") return 'B';
  return address == "127.0.0.4:5063" ? 'C' : '?';
}

shm::WorkerId id_of(std::uint32_t worker) { return shm::WorkerId{static_cast<std::uint8_t>(worker)}; }

}  // namespace

struct Window::Seat {
  Seat(Window& window, shm::WorkerId me)
      : slabs(window.segment(), *window.state().slabs, me),
        process{me, window.segment(), window.state(), slabs, window.state().area(me).counters},
        script_state(window.variable_count()),
        outbox(process, window.sockets()),
        wheel(monotonic_ms()),
        pool(process),
        engine(process, window.settings(), script_state, outbox, wheel) {
    engine.flush();  // Takes the reserve.
  }
  shm::Slabs slabs;
  worker::Process process;
  script::ScriptState script_state;
  worker::Outbox outbox;
  worker::TimerWheel wheel;
  worker::NodePool pool;
  worker::Engine engine;
  std::vector<std::uint32_t> owned;
};

Window::Window(const std::string& script, std::uint32_t workers)
    : EngineFixture(script, std::size_t{32} << 20, workers) {
  for (std::uint32_t id = 1; id <= workers; ++id) seats_.push_back(std::make_shared<Seat>(*this, id_of(id)));
}

std::string Window::fork_script() {
  return R"(
request_route {
  if (method == "CANCEL") {
    t_relay();
    exit;
  }
  if (uri =~ "two") append_branch("sip:b@127.0.0.3:5062");
  t_relay();
}
)";
}

void Window::receive(std::uint32_t worker, const std::string& message) {
  Seat& who = seat(worker);
  shm::EventNode& node = fill_node(who.pool, state(), message, "127.0.0.1", 5070);
  const std::uint32_t index = node.entry;
  if (shm::Entry(segment(), state().entry(index)).admit(node, id_of(worker))) who.owned.push_back(index);
}

void Window::take_from_kernel(std::uint32_t worker, const std::string& message) {
  shm::EventNode& node = fill_node(seat(worker).pool, state(), message, "127.0.0.1", 5070);
  shm::ReceiveBatch& batch = state().area(id_of(worker)).batch;
  batch.buffers[0] = segment().handle_of(reinterpret_cast<shm::ReceiveBuffer*>(&node)).value;
  batch.headers[0].msg_len = node.length;
  batch.count = 1;
  batch.next_to_admit = 0;
}

void Window::admit(std::uint32_t worker) {
  shm::ReceiveBatch& batch = state().area(id_of(worker)).batch;
  auto& buffer = *segment().at(shm::Handle<shm::ReceiveBuffer>{batch.buffers[0]});
  const std::uint32_t index = buffer.node.entry;
  if (shm::Entry(segment(), state().entry(index)).admit(buffer.node, id_of(worker))) {
    seat(worker).owned.push_back(index);
  }
  batch.buffers[0] = 0;
  batch.next_to_admit = 1;
}

void Window::work(std::uint32_t worker) {
  Seat& who = seat(worker);
  for (const std::uint32_t index : who.owned) who.engine.work(index);
}

void Window::flush(std::uint32_t worker) {
  write_down(outbox_of(id_of(worker)));
  seat(worker).engine.flush();
}

bool Window::release(std::uint32_t worker) {
  Seat& who = seat(worker);
  std::erase_if(who.owned, [&](std::uint32_t index) {
    return shm::Entry(segment(), state().entry(index)).try_release(id_of(worker));
  });
  return who.owned.empty();
}

void Window::run(std::uint32_t worker) {
  do {
    work(worker);
    flush(worker);
  } while (!release(worker));
}

void Window::take(std::uint32_t worker, const std::string& message) {
  receive(worker, message);
  run(worker);
}

void Window::replace(std::uint32_t worker) {
  const std::vector<std::uint32_t> owned = seat(worker).owned;
  write_down(outbox_of(id_of(worker)));
  seats_[worker - 1] = std::make_shared<Seat>(*this, id_of(worker));
  seat(worker).outbox.recover();
  seat(worker).owned = owned;
}

void Window::later(std::uint64_t ms) {
  constexpr std::uint64_t kStep = 250;
  for (std::uint64_t passed = 0; passed < ms; passed += kStep) {
    write_down(pass(std::min(kStep, ms - passed)));
  }
}

std::string Window::invite(const std::string& call) {
  std::string text = make_request("INVITE sip:two@127.0.0.2:5061", "i");
  return text.replace(text.find("call-1"), 6, call);
}
std::string Window::cancel() { return make_request("CANCEL sip:two@127.0.0.2:5061", "i"); }
std::string Window::ack(const std::string& tag) {
  return make_request("ACK sip:a@127.0.0.2:5061", "k", 1, tag);
}
std::string Window::bye(const std::string& tag) {
  return make_request("BYE sip:a@127.0.0.2:5061", "e", 2, tag);
}

std::string Window::answer(char phone, const std::string& status, const std::string& tag,
                           const std::string& method) const {
  for (auto request = requests_.rbegin(); request != requests_.rend(); ++request) {
    if (phone_at(request->to) != phone || request->method_of_cseq() != method) continue;
    const std::string own_tag = tag.empty() ? std::string(1, static_cast<char>(phone + 32)) : tag;
    const std::string contact = "Contact: <sip:" + own_tag + "@" + request->to + ">\n";
    return make_response(*request, status, status.starts_with("100") ? "" : own_tag, contact);
  }
  CPPUNIT_FAIL(std::string("phone ") + phone + " got no " + method);
  return {};
}

void Window::write_down(const std::vector<Sent>& sent) {
  for (const Sent& one : sent) {
    const std::string line = one.line();
    const std::string first = line.substr(0, line.find(' '));
    if (one.to == "127.0.0.1:5070") {
      wire_ += first + " " + one.method_of_cseq() + "\n";
    } else {
      wire_ += first + " " + phone_at(one.to) + "\n";
      requests_.push_back(one);
    }
  }
}

std::string Window::wire() {
  std::string text = "\n" + wire_;
  wire_.clear();
  return text;
}

void Window::ring() {
  take(1, invite());
  take(1, answer('A', "180 Ringing"));
  take(1, answer('B', "180 Ringing"));
  wire();
}

}  // namespace lockstep::test
