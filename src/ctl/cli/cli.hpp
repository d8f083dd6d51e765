#pragma once

#include <cstddef>
#include <iosfwd>
#include <string>
#include <vector>

namespace sandbox::ctl {

/// Where the words of `sandboxctl` go.
struct Output {
    std::ostream& out;
    std::ostream& err;
    std::size_t width = 0;    ///< columns of the terminal; 0 where there is none: nothing is cut
    bool is_terminal = false; ///< `out` is one: what tenants wrote is made harmless
    bool colours = false;
    bool err_is_terminal = false; ///< `err` is one: what takes long shows its progress there
    int input = 0;                ///< the descriptor of standard input
};

/// Runs one command line (without the program's name) to its end. Throws nothing; the exit status is
/// 0 done, 1 failed, 2 usage or bad input, 3 not found, 4 refused, 5 capacity, 6 timed out.
int run(const std::vector<std::string>& arguments, const Output& output);

} // namespace sandbox::ctl
