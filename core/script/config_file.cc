// config_file.cc: reading a configuration.
#include "core/script/config_file.h"

#include <fmt/core.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "core/script/parser.h"
#include "core/script/preprocessor.h"

namespace lockstep::script {
namespace {

ConfigTree load(std::shared_ptr<SourceSet> sources, const LoadOptions& options, Diagnostics& diagnostics) {
  diagnostics.set_sources(sources);
  const TokenStream stream = preprocess(*sources, 0, options, diagnostics);
  ConfigTree tree = parse(stream, diagnostics);
  tree.defines = stream.defines;
  tree.sources = std::move(sources);
  return tree;
}

}  // namespace

std::pair<std::string, std::string> parse_define_option(std::string_view argument) {
  const std::size_t equals = argument.find('=');
  if (equals == std::string_view::npos) return {std::string(argument), std::string()};
  return {std::string(argument.substr(0, equals)), std::string(argument.substr(equals + 1))};
}

ConfigTree load_file(const std::string& path, const LoadOptions& options, Diagnostics& diagnostics) {
  auto sources = std::make_shared<SourceSet>();
  std::string text;
  errno = 0;
  if (!read_text_file(path, text)) {
    const int error = errno;
    sources->add(path, {});
    diagnostics.set_sources(sources);
    diagnostics.error(Location{},
                      fmt::format("cannot read this file: {}",
                                  error != 0 ? std::strerror(error) : "it is larger than 16 MiB"));
    ConfigTree tree;
    tree.sources = std::move(sources);
    return tree;
  }
  sources->add(path, std::move(text));
  return load(std::move(sources), options, diagnostics);
}

ConfigTree load_text(std::string name, std::string text, const LoadOptions& options,
                     Diagnostics& diagnostics) {
  auto sources = std::make_shared<SourceSet>();
  sources->add(std::move(name), std::move(text));
  return load(std::move(sources), options, diagnostics);
}

}  // namespace lockstep::script
