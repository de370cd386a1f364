// fuzz_main.cc: runs a libFuzzer target of test/fuzz without libFuzzer, as part of `make test`: every file of
// the corpus as it is, then a fixed number of damaged copies of each, made by a fixed sequence, so that a
// failure repeats. The long search with coverage is `make fuzz`. A crash fails the binary.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

constexpr int kCopies = 300;

void run_one(const std::string& bytes) {
  // An exact allocation: under AddressSanitizer one byte too far is seen.
  const std::vector<std::uint8_t> exact(bytes.begin(), bytes.end());
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

class Damage {
 public:
  explicit Damage(std::uint32_t seed) : state_(seed) {}

  std::string of(std::string bytes) {
    for (std::size_t changes = 1 + next(5); changes > 0 && !bytes.empty(); --changes) {
      const std::size_t at = next(bytes.size());
      switch (next(4)) {
        case 0:
          bytes[at] = kOdd[next(sizeof kOdd - 1)];
          break;
        case 1:
          bytes.insert(at, 1, kOdd[next(sizeof kOdd - 1)]);
          break;
        case 2:
          bytes.erase(at, 1 + next(8));
          break;
        case 3:
          bytes.insert(next(bytes.size()), bytes.substr(at, 1 + next(40)));
          break;
      }
    }
    if (next(10) == 0) bytes.resize(next(bytes.size() + 1));
    return bytes;
  }

 private:
  static constexpr char kOdd[] = "\r\n\t \"<>;:,@=%\\?[]&'09az\xFF\x80\x01";

  std::size_t next(std::size_t bound) {
    state_ = state_ * 1664525U + 1013904223U;
    return static_cast<std::size_t>(state_ >> 8) % bound;
  }

  std::uint32_t state_;
};

}  // namespace

// Arguments: corpus folders or files; one that does not exist counts as empty.
int main(int argc, char** argv) {
  std::vector<std::string> files;
  for (int i = 1; i < argc; ++i) {
    if (!std::filesystem::is_directory(argv[i])) continue;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(argv[i])) {
      if (entry.is_regular_file()) files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  run_one("");
  unsigned runs = 1;
  Damage damage(1);
  for (const std::string& file : files) {
    std::ifstream in(file, std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    run_one(bytes);
    for (int copy = 0; copy < kCopies; ++copy) run_one(damage.of(bytes));
    runs += 1 + kCopies;
  }
  const std::string program = std::filesystem::path(argv[0]).filename();
  printf("%s: %zu corpus files, %u inputs\n", program.c_str(), files.size(), runs);
  printf("%s: %zu passed, 0 failed\n", program.c_str(), files.size() + 1);
  return 0;
}
