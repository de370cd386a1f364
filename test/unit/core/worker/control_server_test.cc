// control_server_test.cc: the control process's loop with real FIFOs and sockets in a directory of its own,
// and a clock that the test moves: no test waits for a deadline.
#include "core/worker/control_server.h"

#include <cppunit/TestFixture.h>
#include <cppunit/extensions/HelperMacros.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "core/base/log.h"

namespace {

using lockstep::worker::ControlServer;
using lockstep::worker::ControlSettings;
using lockstep::worker::JsonLayout;
using lockstep::worker::RpcRegistry;
using lockstep::worker::RpcReply;
using lockstep::worker::RpcRequest;
using lockstep::worker::StreamState;

constexpr int kBigBytes = 1024 * 1024;

void register_procedures(RpcRegistry& registry) {
  const bool all_new = registry.add({"echo", "",
                                     [](const RpcRequest& request, RpcReply& reply) {
                                       reply.add(request.string_param(0).value_or("nothing"));
                                     }}) &&
                       registry.add({"big", "",
                                     [](const RpcRequest&, RpcReply& reply) {
                                       reply.begin_array();
                                       reply.stream([left = kBigBytes / 1024](RpcReply& r) mutable {
                                         r.add(std::string(1024, 'x'));
                                         return --left > 0 ? StreamState::kMore : StreamState::kDone;
                                       });
                                     }}) &&
                       registry.add({"never", "", [](const RpcRequest&, RpcReply& reply) {
                                       reply.stream([](RpcReply&) { return StreamState::kWait; });
                                     }});
  CPPUNIT_ASSERT(all_new);
}

std::string request(const std::string& method, const std::string& reply_name, const std::string& more = "") {
  return R"({"jsonrpc":"2.0","method":")" + method + R"(",)" + more + R"("reply_name":")" + reply_name +
         "\",\"id\":1}\n";
}

std::string result(const std::string& json) { return R"({"jsonrpc":"2.0","result":)" + json + R"(,"id":1})"; }

std::string error(const std::string& code_and_text, const std::string& id = ",\"id\":1") {
  const std::size_t space = code_and_text.find(' ');
  return R"({"jsonrpc":"2.0","error":{"code":)" + code_and_text.substr(0, space) + R"(,"message":")" +
         code_and_text.substr(space + 1) + "\"}" + id + "}";
}

// Everything a non-blocking descriptor gives now.
std::string read_all(int fd) {
  std::string all;
  char bytes[65536];
  for (ssize_t count; (count = read(fd, bytes, sizeof bytes)) > 0;)
    all.append(bytes, static_cast<std::size_t>(count));
  return all;
}

}  // namespace

class ControlServerTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(ControlServerTest);
  CPPUNIT_TEST(a_request_is_answered);
  CPPUNIT_TEST(requests_in_one_write_are_answered_in_order);
  CPPUNIT_TEST(every_request_with_a_reply_name_is_answered);
  CPPUNIT_TEST(a_bad_request_costs_no_other_client_its_answer);
  CPPUNIT_TEST(a_half_written_request_is_answered_after_its_deadline);
  CPPUNIT_TEST(reply_names_that_are_refused);
  CPPUNIT_TEST(a_reply_fifo_without_reader_is_given_up);
  CPPUNIT_TEST(a_reader_that_comes_late_is_served);
  CPPUNIT_TEST(a_reader_that_never_reads_stalls_nobody);
  CPPUNIT_TEST(a_reader_that_vanishes_is_survived);
  CPPUNIT_TEST(a_vanished_reader_ends_a_waiting_procedure);
  CPPUNIT_TEST(a_procedure_without_result_ends);
  CPPUNIT_TEST(a_large_answer_arrives_whole);
  CPPUNIT_TEST(too_many_waiting_answers_drop_the_stalest);
  CPPUNIT_TEST(datagrams_are_answered);
  CPPUNIT_TEST(a_datagram_answer_that_does_not_fit_is_an_error);
  CPPUNIT_TEST(a_full_datagram_peer_is_tried_again);
  CPPUNIT_TEST(udp_is_served);
  CPPUNIT_TEST(files_have_their_mode_and_are_removed);
  CPPUNIT_TEST(what_is_not_ours_is_not_replaced);
  CPPUNIT_TEST(a_fifo_left_over_is_replaced_and_one_in_use_is_not);
  CPPUNIT_TEST(run_ends_when_told);
  CPPUNIT_TEST_SUITE_END();

  struct Reader {
    explicit Reader(const std::string& path) : fd(open(path.c_str(), O_RDONLY | O_NONBLOCK)) {
      CPPUNIT_ASSERT(fd >= 0);
    }
    ~Reader() { leave(); }
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;
    void leave() {
      if (fd >= 0) close(fd);
      fd = -1;
    }
    int fd;
  };

  std::string dir_;
  ControlSettings settings_;
  RpcRegistry registry_;
  std::uint64_t now_ms_ = 1000000;
  std::unique_ptr<ControlServer> server_;
  int request_fd_ = -1;

  std::string path(const std::string& name) const { return dir_ + "/" + name; }

  void start() {
    server_ = std::make_unique<ControlServer>(settings_, registry_, [this] { return now_ms_; });
    const auto opened = server_->open();
    CPPUNIT_ASSERT_MESSAGE(opened.ok() ? "" : opened.error(), opened.ok());
    request_fd_ = open(path("lockstep_rpc.fifo").c_str(), O_WRONLY | O_NONBLOCK);
    CPPUNIT_ASSERT(request_fd_ >= 0);
  }

  void send(const std::string& text) {
    CPPUNIT_ASSERT_EQUAL(static_cast<ssize_t>(text.size()), write(request_fd_, text.data(), text.size()));
  }

  void serve(int rounds = 3) {
    for (int i = 0; i < rounds; ++i) CPPUNIT_ASSERT(server_->step(0));
  }

  std::string make_reply_fifo(const std::string& name) {
    CPPUNIT_ASSERT_EQUAL(0, mkfifo(path(name).c_str(), 0600));
    return path(name);
  }

  // One client from beginning to end.
  std::string ask(const std::string& text, const std::string& reply_name) {
    Reader reader(make_reply_fifo(reply_name));
    send(text);
    serve();
    unlink(path(reply_name).c_str());
    return read_all(reader.fd);
  }

  std::string refusal() {
    ControlServer server(settings_, registry_);
    const auto opened = server.open();
    return opened.ok() ? "none" : opened.error();
  }

 public:
  void setUp() override {
    std::signal(SIGPIPE, SIG_IGN);
    lockstep::log_settings().level = -5;  // What is dropped on purpose here is not news.
    char name[] = "/tmp/lockstep_control_XXXXXX";
    CPPUNIT_ASSERT(mkdtemp(name) != nullptr);
    dir_ = name;
    settings_ = ControlSettings();
    settings_.run_dir = dir_;
    settings_.fifo_reply_dir = dir_;
    settings_.layout = JsonLayout::kCompact;
    registry_ = RpcRegistry();
    register_procedures(registry_);
  }

  void tearDown() override {
    lockstep::log_settings().level = lockstep::LogSettings().level;
    if (request_fd_ >= 0) close(request_fd_);
    request_fd_ = -1;
    server_.reset();
    DIR* const dir = opendir(dir_.c_str());
    while (const dirent* const entry = readdir(dir)) unlink(path(entry->d_name).c_str());
    closedir(dir);
    rmdir(dir_.c_str());
  }

  void a_request_is_answered() {
    start();
    CPPUNIT_ASSERT_EQUAL(result("\"hi\""), ask(request("echo", "r1", R"("params":["hi"],)"), "r1"));
    CPPUNIT_ASSERT_EQUAL(error("500 Method Not Found"), ask(request("nosuch", "r1"), "r1"));
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, server_->in_flight());
  }

  void requests_in_one_write_are_answered_in_order() {
    start();
    Reader first(make_reply_fifo("r1"));
    Reader second(make_reply_fifo("r2"));
    send(request("echo", "r1") + request("echo", "r2", R"("params":[2],)"));
    serve();
    CPPUNIT_ASSERT_EQUAL(result("\"nothing\""), read_all(first.fd));
    CPPUNIT_ASSERT_EQUAL(result("\"2\""), read_all(second.fd));
  }

  void every_request_with_a_reply_name_is_answered() {
    start();
    CPPUNIT_ASSERT_EQUAL(error("-32700 Parse error"), ask("junk " + request("echo", "r1"), "r1"));
    CPPUNIT_ASSERT_EQUAL(error("-32700 Parse error", ""), ask("{\"a\" 1, \"reply_name\":\"r1\"}", "r1"));
    CPPUNIT_ASSERT_EQUAL(error("-32600 Invalid Request: no method"), ask(request("", "r1"), "r1"));
    CPPUNIT_ASSERT_EQUAL(error("-32602 Invalid params: an array or an object is expected"),
                         ask(request("echo", "r1", "\"params\":7,"), "r1"));
    const std::string long_params = "\"params\":[\"" + std::string(20000, 'x') + "\"],";
    CPPUNIT_ASSERT_EQUAL(error("-32600 Request too long: at most 8191 bytes"),
                         ask(request("echo", "r1", long_params), "r1"));
    CPPUNIT_ASSERT_EQUAL(result("\"still here\""),
                         ask(request("echo", "r1", R"("params":["still here"],)"), "r1"));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{5}, server_->counters().malformed);
  }

  void a_bad_request_costs_no_other_client_its_answer() {
    start();
    Reader reader(make_reply_fifo("r1"));
    send("hello\n[{\"jsonrpc\":\"2.0\"},{\"jsonrpc\":\"2.0\"}]\n{\"never\":\"closed\n" +
         request("echo", "r1"));
    serve();
    CPPUNIT_ASSERT_EQUAL(result("\"nothing\""), read_all(reader.fd));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{3}, server_->counters().malformed);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{3}, server_->counters().unanswerable);
  }

  void a_half_written_request_is_answered_after_its_deadline() {
    start();
    Reader reader(make_reply_fifo("r1"));
    send("{\"jsonrpc\":\"2.0\",\"params\":[\"a\"b\"],\"reply_name\":\"r1\",\"id\":1}\n");
    now_ms_ += ControlServer::kPartialDeadlineMs - 1;
    serve();
    CPPUNIT_ASSERT_EQUAL(std::string(), read_all(reader.fd));
    now_ms_ += ControlServer::kPartialDeadlineMs;
    serve();
    CPPUNIT_ASSERT_EQUAL(error("-32700 Parse error: the request does not end"), read_all(reader.fd));
  }

  void reply_names_that_are_refused() {
    start();
    for (const char* const name : {"", ".", "..", "a.b", "../r1", "a/b", "a\\\\b"})
      send(request("echo", name));
    send(request("echo", std::string(127, 'n')));
    serve();
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{8}, server_->counters().unanswerable);

    make_reply_fifo("real");
    Reader reader(path("real"));
    CPPUNIT_ASSERT_EQUAL(0, symlink(path("real").c_str(), path("symlink").c_str()));
    std::ofstream(path("regular")) << "precious";
    send(request("echo", "symlink") + request("echo", "regular") + request("echo", "absent"));
    serve();
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{3}, server_->counters().answers_dropped);
    CPPUNIT_ASSERT_EQUAL(0, link(path("real").c_str(), path("second_name").c_str()));
    send(request("echo", "real"));
    serve();
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{4}, server_->counters().answers_dropped);
    CPPUNIT_ASSERT_EQUAL(std::string(), read_all(reader.fd));
    std::string kept;
    std::getline(std::ifstream(path("regular")), kept);
    CPPUNIT_ASSERT_EQUAL(std::string("precious"), kept);
  }

  void a_reply_fifo_without_reader_is_given_up() {
    start();
    make_reply_fifo("r1");
    send(request("echo", "r1"));
    serve();
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, server_->in_flight());
    now_ms_ += ControlServer::kOpenDeadlineMs;
    serve();
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, server_->in_flight());
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, server_->counters().answers_dropped);
  }

  void a_reader_that_comes_late_is_served() {
    start();
    make_reply_fifo("r1");
    send(request("echo", "r1"));
    serve();
    Reader reader(path("r1"));
    serve();
    CPPUNIT_ASSERT_EQUAL(result("\"nothing\""), read_all(reader.fd));
  }

  void a_reader_that_never_reads_stalls_nobody() {
    start();
    Reader sleeper(make_reply_fifo("sleeper"));
    send(request("big", "sleeper"));
    serve();
    CPPUNIT_ASSERT_EQUAL(result("\"nothing\""), ask(request("echo", "r1"), "r1"));
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, server_->in_flight());
    now_ms_ += ControlServer::kStallDeadlineMs;
    serve();
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, server_->in_flight());
  }

  void a_reader_that_vanishes_is_survived() {
    start();
    Reader reader(make_reply_fifo("r1"));
    send(request("big", "r1"));
    serve();
    reader.leave();
    serve();
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, server_->in_flight());
    CPPUNIT_ASSERT_EQUAL(result("\"nothing\""), ask(request("echo", "r2"), "r2"));
  }

  void a_vanished_reader_ends_a_waiting_procedure() {
    start();
    Reader reader(make_reply_fifo("r1"));
    send(request("never", "r1"));
    serve();
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, server_->in_flight());
    reader.leave();
    serve();
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, server_->in_flight());
  }

  void a_procedure_without_result_ends() {
    start();
    Reader reader(make_reply_fifo("r1"));
    send(request("never", "r1"));
    serve();
    now_ms_ += ControlServer::kWaitDeadlineMs;
    serve();
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, server_->in_flight());
  }

  void a_large_answer_arrives_whole() {
    start();
    Reader reader(make_reply_fifo("r1"));
    send(request("big", "r1"));
    std::string all;
    for (int i = 0; i < 200 && server_->counters().answers_sent == 0; ++i) {
      serve(1);
      all += read_all(reader.fd);
    }
    std::string expected = "[\"" + std::string(1024, 'x') + "\"";
    for (int i = 1; i < kBigBytes / 1024; ++i) expected += ",\"" + std::string(1024, 'x') + "\"";
    CPPUNIT_ASSERT_EQUAL(result(expected + "]"), all);
  }

  void too_many_waiting_answers_drop_the_stalest() {
    start();
    for (std::size_t i = 0; i <= ControlServer::kInFlightMax; ++i) {
      make_reply_fifo("r" + std::to_string(i));
      send(request("echo", "r" + std::to_string(i)));
      serve(1);
      ++now_ms_;
    }
    CPPUNIT_ASSERT_EQUAL(ControlServer::kInFlightMax, server_->in_flight());
    Reader dropped(path("r0"));
    Reader kept(path("r1"));
    serve();
    CPPUNIT_ASSERT_EQUAL(std::string(), read_all(dropped.fd));
    CPPUNIT_ASSERT_EQUAL(result("\"nothing\""), read_all(kept.fd));
  }

  // A datagram client: its own socket, bound beside the server's.
  int datagram_client(const char* name) {
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string own = path(name);
    std::memcpy(address.sun_path, own.c_str(), own.size() + 1);
    CPPUNIT_ASSERT_EQUAL(0, bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address));
    const std::string servers = path("lockstep_rpc.sock");
    std::memcpy(address.sun_path, servers.c_str(), servers.size() + 1);
    CPPUNIT_ASSERT_EQUAL(0, connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address));
    return fd;
  }

  std::string exchange(int fd, const std::string& text) {
    CPPUNIT_ASSERT_EQUAL(static_cast<ssize_t>(text.size()), write(fd, text.data(), text.size()));
    serve();
    char bytes[65536];
    const ssize_t count = read(fd, bytes, sizeof bytes);
    return count < 0 ? "nothing came" : std::string(bytes, static_cast<std::size_t>(count));
  }

  void datagrams_are_answered() {
    start();
    const int fd = datagram_client("client");
    CPPUNIT_ASSERT_EQUAL(result("\"hi\""),
                         exchange(fd, R"({"jsonrpc":"2.0","method":"echo","params":["hi"],"id":1})"));
    CPPUNIT_ASSERT_EQUAL(error("-32700 Parse error", ""), exchange(fd, "{"));
    CPPUNIT_ASSERT_EQUAL(error("-32600 Invalid Request: jsonrpc must be \\\"2.0\\\""),
                         exchange(fd, R"({"jsonrpc":"1.0","method":"echo","id":1})"));
    CPPUNIT_ASSERT_EQUAL(error("-32600 Request too long: at most 8191 bytes", ""),
                         exchange(fd, std::string(9000, 'x')));
    close(fd);
  }

  void a_datagram_answer_that_does_not_fit_is_an_error() {
    start();
    const int fd = datagram_client("client");
    CPPUNIT_ASSERT_EQUAL(error("500 Answer too large"),
                         exchange(fd, R"({"jsonrpc":"2.0","method":"big","id":1})"));
    close(fd);
  }

  void a_full_datagram_peer_is_tried_again() {
    start();
    const int fd = datagram_client("client");
    const std::string text = R"({"jsonrpc":"2.0","method":"echo","id":1})";
    // More answers than the client's queue holds.
    std::size_t asked = 0;
    while (server_->in_flight() == 0 && asked < 5000) {
      CPPUNIT_ASSERT(write(fd, text.data(), text.size()) > 0);
      serve(1);
      ++asked;
    }
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, server_->in_flight());
    std::size_t answered = 0;
    char bytes[1024];
    while (read(fd, bytes, sizeof bytes) > 0) ++answered;
    serve();
    while (read(fd, bytes, sizeof bytes) > 0) ++answered;
    CPPUNIT_ASSERT_EQUAL(asked, answered);
    close(fd);
  }

  void udp_is_served() {
    const int probe = socket(AF_INET, SOCK_DGRAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t bytes = sizeof address;
    CPPUNIT_ASSERT_EQUAL(0, bind(probe, reinterpret_cast<sockaddr*>(&address), bytes));
    CPPUNIT_ASSERT_EQUAL(0, getsockname(probe, reinterpret_cast<sockaddr*>(&address), &bytes));
    close(probe);
    settings_.dgram_socket = "udp:localhost:" + std::to_string(ntohs(address.sin_port));
    start();
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    CPPUNIT_ASSERT_EQUAL(0, connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address));
    CPPUNIT_ASSERT_EQUAL(result("\"nothing\""), exchange(fd, R"({"jsonrpc":"2.0","method":"echo","id":1})"));
    close(fd);
    for (const char* const bad : {"udp:127.0.0.1", "udp:127.0.0.1:80", "udp:example.org:9000", "udp:::x"}) {
      settings_.dgram_socket = bad;
      settings_.transport = ControlSettings::kTransportDatagram;
      CPPUNIT_ASSERT(refusal().starts_with("dgram_socket udp:"));
    }
  }

  void files_have_their_mode_and_are_removed() {
    settings_.fifo_mode = 0620;
    settings_.dgram_mode = 0;
    const mode_t mask = umask(0077);
    start();
    umask(mask);
    struct stat found {};
    CPPUNIT_ASSERT_EQUAL(0, lstat(path("lockstep_rpc.fifo").c_str(), &found));
    CPPUNIT_ASSERT_EQUAL(static_cast<mode_t>(S_IFIFO | 0620), found.st_mode);
    CPPUNIT_ASSERT_EQUAL(0, lstat(path("lockstep_rpc.sock").c_str(), &found));
    CPPUNIT_ASSERT_EQUAL(static_cast<mode_t>(S_IFSOCK | 0600), found.st_mode);
    server_->unlink_files();
    CPPUNIT_ASSERT(lstat(path("lockstep_rpc.fifo").c_str(), &found) != 0);
    CPPUNIT_ASSERT(lstat(path("lockstep_rpc.sock").c_str(), &found) != 0);
  }

  void what_is_not_ours_is_not_replaced() {
    std::ofstream(path("lockstep_rpc.fifo")) << "precious";
    CPPUNIT_ASSERT_EQUAL(
        path("lockstep_rpc.fifo") + " exists and is no FIFO; remove it or set jsonrpcs' fifo_name",
        refusal());
    settings_.fifo_name = "other.fifo";
    std::ofstream(path("lockstep_rpc.sock")) << "precious";
    CPPUNIT_ASSERT_EQUAL(
        path("lockstep_rpc.sock") + " exists and is no socket; remove it or set jsonrpcs' dgram_socket",
        refusal());
    struct stat found {};
    CPPUNIT_ASSERT_MESSAGE("what was made is gone", lstat(path("other.fifo").c_str(), &found) != 0);
    settings_.dgram_socket = "";
    CPPUNIT_ASSERT_EQUAL(0, symlink("/dev/null", path("link.fifo").c_str()));
    settings_.fifo_name = "link.fifo";
    CPPUNIT_ASSERT_EQUAL(path("link.fifo") + " exists and is no FIFO; remove it or set jsonrpcs' fifo_name",
                         refusal());
    settings_.fifo_name = "user.fifo";
    settings_.fifo_user = "no-such-user";
    CPPUNIT_ASSERT_EQUAL(path("user.fifo") + ": no user 'no-such-user'", refusal());
    settings_.run_dir = path("absent");
    CPPUNIT_ASSERT_EQUAL(
        "cannot make the FIFO " + path("absent/user.fifo") +
            " (jsonrpcs: fifo_name): No such file or directory; make the directory, or choose "
            "another run directory with -Y",
        refusal());
  }

  void a_fifo_left_over_is_replaced_and_one_in_use_is_not() {
    make_reply_fifo("lockstep_rpc.fifo");  // Left by a server that was killed.
    start();
    CPPUNIT_ASSERT_EQUAL(
        path("lockstep_rpc.fifo") + " is served by another process; stop it or set jsonrpcs' fifo_name",
        refusal());
    settings_.transport = ControlSettings::kTransportDatagram;
    CPPUNIT_ASSERT_EQUAL(
        path("lockstep_rpc.sock") + " is served by another process; stop it or set jsonrpcs' dgram_socket",
        refusal());
    settings_.transport = ControlSettings::kTransportHttp;
    CPPUNIT_ASSERT_EQUAL(std::string("none"), refusal());
  }

  void run_ends_when_told() {
    start();
    Reader reader(make_reply_fifo("r1"));
    send(request("echo", "r1"));
    serve(1);
    int stop[2];
    CPPUNIT_ASSERT_EQUAL(0, pipe(stop));
    close(stop[1]);  // The supervisor's end: gone, so is the reason to live.
    server_->run(stop[0]);
    close(stop[0]);
    CPPUNIT_ASSERT_EQUAL(result("\"nothing\""), read_all(reader.fd));
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ControlServerTest);
