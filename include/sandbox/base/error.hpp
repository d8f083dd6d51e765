#pragma once

#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace sandbox {

/// Every way in which this program says no. One table (`error.cpp`) maps each to its stable text, the
/// HTTP status that the API answers, and the exit status of the tools.
enum class Errc {
    invalid_argument, ///< the caller's input is wrong: a field, a file, an option
    unauthenticated,  ///< no credentials, or wrong ones
    denied,           ///< known caller, not allowed
    not_found,        ///< no such session, policy, tenant, file
    conflict,         ///< the object is in a state that does not allow this
    gone,             ///< the session has ended
    quota,            ///< a limit of the tenant or policy; retry later
    capacity,         ///< no slot or place left on this host; retry later
    pressure,         ///< the host is short of memory, disk or descriptors; retry later
    too_large,        ///< a message, body or file over its limit
    engine,           ///< ChimeraX gave no usable answer; its state may have changed
    timed_out,        ///< a deadline passed; the outcome may be unknown
    unsupported,      ///< this host cannot do it: kernel, controller, program missing
    unavailable,      ///< a part of this system cannot be reached now
    io,               ///< a system call failed in a way that no caller can cure
    internal,         ///< a defect of this program
};

struct ErrcInfo {
    Errc code;
    std::string_view text; ///< the stable `code` of a problem document, as `invalid_argument`
    int http_status;
    int exit_status; ///< 1 failed, 2 usage, 3 not found, 4 refused, 5 capacity, 6 timed out
    std::string_view title;
};

const ErrcInfo& errc_info(Errc code);
std::optional<Errc> errc_from_text(std::string_view text);

/// When it is worth to try again, and the stable word for what was short, as `queue_full`.
struct Retry {
    std::chrono::seconds after{};
    std::string reason;
};

/// The one exception type. `what()` says what failed on which object; `cure()` what to do about it.
class Error : public std::runtime_error {
  public:
    Error(Errc code, const std::string& what, std::string cure = {}, std::string field = {});

    Errc code() const { return code_; }
    const std::string& cure() const { return cure_; }
    /// The field of the request or file at fault, in dotted form, or empty.
    const std::string& field() const { return field_; }
    /// The request had gone to ChimeraX: whether it was carried out is not known.
    bool state_may_have_changed() const { return state_may_have_changed_; }
    /// The same error, with that said.
    Error of_sent_request() const;
    /// For a refusal that passes: said to the caller as Retry-After and `reason`.
    const std::optional<Retry>& retry() const { return retry_; }
    /// The same error with it: `throw Error(…).with(Retry{…})`.
    Error with(Retry retry) const;
    /// `what()`, and the cure after a line break where there is one.
    std::string full() const;

  private:
    Errc code_;
    std::string cure_;
    std::string field_;
    bool state_may_have_changed_ = false;
    std::optional<Retry> retry_;
};

/// An Error for a failed system call: "`what`: strerror". EACCES and EPERM become `denied`, ENOENT
/// `not_found`, ENOSYS `unsupported`, the rest `io`. EMFILE, ENFILE and EFBIG bring their own cure.
Error errno_error(int error_number, const std::string& what, std::string cure = {});

/// Throws errno_error(errno, what).
[[noreturn]] void throw_errno(const std::string& what, std::string cure = {});

} // namespace sandbox
