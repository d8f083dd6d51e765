// sandboxctl: the operator's tool, over the HTTP API.
#include "ctl/cli/cli.hpp"
#include "ctl/format/standard_output.hpp"
#include "sandbox/base/inheritance.hpp"

#include <csignal>
#include <cstdlib>
#include <iostream>

#include <sys/ioctl.h>
#include <unistd.h>

namespace {

std::size_t terminal_width() {
    winsize size{};
    return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

} // namespace

int main(int argc, char** argv) {
    sandbox::put_inheritance_right(sandbox::Program::tool);
    const bool is_terminal = ::isatty(STDOUT_FILENO) == 1;
    // https://no-color.org: any value that is not empty.
    const char* no_color = std::getenv("NO_COLOR");
    const bool wants_none = no_color != nullptr && *no_color != '\0';
    // What is over `ulimit -f` is then an error of write(2), which is told of.
    std::signal(SIGXFSZ, SIG_IGN);
    sandbox::ctl::DescriptorBuffer buffer(STDOUT_FILENO, is_terminal);
    std::ostream out(&buffer);
    return sandbox::ctl::run({argv + 1, argv + argc}, {.out = out,
                                                       .err = std::cerr,
                                                       .width = is_terminal ? terminal_width() : 0,
                                                       .is_terminal = is_terminal,
                                                       .colours = is_terminal && !wants_none,
                                                       .err_is_terminal = ::isatty(STDERR_FILENO) == 1});
}
