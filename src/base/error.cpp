#include "sandbox/base/error.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace sandbox {
namespace {

constexpr std::array kTable{
    ErrcInfo{Errc::invalid_argument, "invalid_argument", 400, 2, "The input is not valid"},
    ErrcInfo{Errc::unauthenticated, "unauthenticated", 401, 4, "Credentials are missing or wrong"},
    ErrcInfo{Errc::denied, "denied", 403, 4, "The caller is not allowed to do this"},
    ErrcInfo{Errc::not_found, "not_found", 404, 3, "There is no such object"},
    ErrcInfo{Errc::conflict, "conflict", 409, 1, "The object's state does not allow this"},
    ErrcInfo{Errc::gone, "gone", 410, 3, "The session has ended"},
    ErrcInfo{Errc::quota, "quota", 429, 5, "A limit is reached"},
    ErrcInfo{Errc::capacity, "capacity", 429, 5, "The host has no place left"},
    ErrcInfo{Errc::pressure, "pressure", 503, 5, "The host is overloaded"},
    ErrcInfo{Errc::too_large, "too_large", 413, 2, "The input is too large"},
    ErrcInfo{Errc::engine, "engine", 502, 1, "ChimeraX gave no usable answer"},
    ErrcInfo{Errc::timed_out, "timed_out", 504, 6, "A deadline passed"},
    ErrcInfo{Errc::unsupported, "unsupported", 501, 1, "This host cannot do it"},
    ErrcInfo{Errc::unavailable, "unavailable", 503, 1, "A part of the system cannot be reached"},
    ErrcInfo{Errc::io, "io", 500, 1, "A system call failed"},
    ErrcInfo{Errc::internal, "internal", 500, 1, "A defect of this program"},
};

Errc errc_from_errno(int error_number) {
    switch (error_number) {
    case EACCES:
    case EPERM:
        return Errc::denied;
    case ENOENT:
        return Errc::not_found;
    case ENOSYS:
        return Errc::unsupported;
    default:
        return Errc::io;
    }
}

/// What these say is the same wherever they come from, and whatever the caller thought of.
const char* sure_cure(int error_number) {
    switch (error_number) {
    case EMFILE:
        return "This program may have no more descriptors open: raise its hard limit (LimitNOFILE= in its "
               "unit, "
               "ulimit -Hn).";
    case ENFILE:
        return "The machine has as many files open as it may: raise the sysctl fs.file-max.";
    case EFBIG: // no file system of today is that small
        return "No file may grow so far: raise the hard limit (LimitFSIZE= in its unit, ulimit -Hf).";
    default:
        return nullptr;
    }
}

} // namespace

const ErrcInfo& errc_info(Errc code) {
    for (const ErrcInfo& info : kTable)
        if (info.code == code)
            return info;
    return kTable.back();
}

std::optional<Errc> errc_from_text(std::string_view text) {
    for (const ErrcInfo& info : kTable)
        if (info.text == text)
            return info.code;
    return std::nullopt;
}

Error::Error(Errc code, const std::string& what, std::string cure, std::string field)
    : std::runtime_error(what),
      code_(code),
      cure_(std::move(cure)),
      field_(std::move(field)) {}

Error Error::of_sent_request() const {
    Error error = *this;
    error.state_may_have_changed_ = true;
    return error;
}

Error Error::with(Retry retry) const {
    Error error = *this;
    error.retry_ = std::move(retry);
    return error;
}

std::string Error::full() const {
    return cure_.empty() ? std::string(what()) : std::string(what()) + "\n  " + cure_;
}

Error errno_error(int error_number, const std::string& what, std::string cure) {
    if (const char* sure = sure_cure(error_number))
        cure = sure;
    return {errc_from_errno(error_number), what + ": " + std::strerror(error_number), std::move(cure)};
}

void throw_errno(const std::string& what, std::string cure) {
    throw errno_error(errno, what, std::move(cure));
}

} // namespace sandbox
