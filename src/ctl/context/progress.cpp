#include "ctl/context/progress.hpp"

#include "ctl/format/json_text.hpp"
#include "ctl/format/table.hpp"

#include <ostream>
#include <utility>

namespace sandbox::ctl {
namespace {

constexpr auto kFirst = std::chrono::milliseconds(500);
constexpr auto kStep = std::chrono::milliseconds(200);
constexpr const char* kClearLine = "\r\033[K";

} // namespace

Progress::Progress(const Context& context, std::string what)
    : err_(context.terminal.err),
      what_(std::move(what)) {
    if (context.terminal.err_is_terminal && !context.globals.quiet)
        thread_ = std::thread([this] { run(); });
}

Progress::~Progress() {
    if (!thread_.joinable())
        return;
    {
        const std::lock_guard lock(mutex_);
        over_ = true;
    }
    changed_.notify_one();
    thread_.join();
    clear();
}

void Progress::clear() {
    if (shown_)
        err_ << kClearLine << std::flush;
    shown_ = false;
}

void Progress::next(std::string what) {
    const std::lock_guard lock(mutex_);
    clear();
    what_ = std::move(what);
    started_ = std::chrono::steady_clock::now();
}

void Progress::tell(std::string what) {
    const std::lock_guard lock(mutex_);
    what_ = std::move(what);
}

void Progress::run() {
    std::unique_lock lock(mutex_);
    while (!over_) {
        const auto taken = std::chrono::steady_clock::now() - started_;
        if (taken >= kFirst) {
            err_ << kClearLine << printable(what_) << " … "
                 << short_age(std::chrono::duration_cast<std::chrono::seconds>(taken)) << std::flush;
            shown_ = true;
        }
        changed_.wait_for(lock, kStep, [this] { return over_; });
    }
}

std::string share_text(std::uint64_t done, std::uint64_t all) {
    std::string text =
        short_bytes(static_cast<double>(done)) + " of " + short_bytes(static_cast<double>(all));
    if (all > 0)
        text += ", " + std::to_string(done * 100 / all) + " %";
    return text;
}

} // namespace sandbox::ctl
