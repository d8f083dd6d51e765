#pragma once

#include "sandbox/base/unique_fd.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sandbox::api {

inline constexpr std::size_t kMaxTarget = 65536;         ///< longer is 414
inline constexpr std::size_t kMaxHeaders = 64 * 1024;    ///< more is 431
inline constexpr std::size_t kMaxJsonBody = 1024 * 1024; ///< more is 413
inline constexpr std::size_t kMaxRestBody = 64 * 1024 * 1024;

using Fields = std::vector<std::pair<std::string, std::string>>;

/// A request as the handlers see it: no part of the HTTP library.
struct Request {
    std::string method;
    std::string target; ///< as it came, origin form
    std::string path;   ///< the target without its query, still percent-encoded
    Fields query;       ///< decoded, in the order that they came
    Fields headers;     ///< names in lower case
    std::string body;

    /// The first header of that lower-case name.
    std::optional<std::string> header(std::string_view name) const;
    std::optional<std::string> parameter(std::string_view name) const;
    std::string_view raw_query() const;
};

/// A regular file that is sent as it is read, `size` bytes of it.
struct FileBody {
    UniqueFd fd;
    std::uint64_t size = 0;
};

struct Response {
    unsigned status = 200;
    std::string content_type = "application/json";
    std::string body;
    Fields headers;
    std::shared_ptr<const FileBody> file = nullptr; ///< instead of `body`
};

/// Takes a target apart. Throws Error invalid_argument for one that is not in origin form, has a control
/// character, or a broken percent-encoding (RFC 3986).
void parse_target(Request& request, std::string_view target);

/// `%41` to `A`; `+` to a space only in queries. Throws Error invalid_argument.
std::string percent_decode(std::string_view text, bool plus_is_space);

/// Throws Error invalid_argument for a parameter that is not in `known`, or that comes twice.
void check_parameters(const Request& request, const std::vector<std::string_view>& known);

} // namespace sandbox::api
