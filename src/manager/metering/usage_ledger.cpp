#include "manager/metering/usage_ledger.hpp"

#include <algorithm>

namespace sandbox::manager {
namespace {

/// A slow host's sampler is late, but not by this.
constexpr Duration kLongestGap = std::chrono::seconds(30);

void add(std::optional<double>& sum, const std::optional<double>& part) {
    if (part)
        sum = sum.value_or(0) + *part;
}

} // namespace

void UnbookedUsage::note(const Sample& sample, BootClock::time_point now) {
    if (sample.cpu)
        note_cpu(*sample.cpu);
    if (noted_at_ && now > *noted_at_ && now - *noted_at_ < kLongestGap) {
        const double seconds = std::chrono::duration<double>(now - *noted_at_).count();
        seconds_ += seconds;
        if (sample.memory)
            add(memory_byte_seconds_, static_cast<double>(sample.memory->value) * seconds);
    }
    noted_at_ = now;
}

void UnbookedUsage::add_to(DayUsage& account) const {
    account.cpu += cpu_ - booked_cpu_;
    account.session_seconds += seconds_;
    add(account.memory_byte_seconds, memory_byte_seconds_);
}

void UnbookedUsage::close() {
    booked_cpu_ = cpu_;
    seconds_ = 0;
    memory_byte_seconds_.reset();
}

void UsageLedger::add(DayUsage account) {
    std::pair key(account.tenant, account.day);
    accounts_.insert_or_assign(std::move(key), std::move(account));
}

DayUsage& UsageLedger::at(const std::string& tenant, const std::string& day) {
    DayUsage& account = accounts_[{tenant, day}];
    account.tenant = tenant;
    account.day = day;
    return account;
}

std::vector<DayUsage> UsageLedger::of(const std::string& tenant, std::string_view since,
                                      std::string_view until) const {
    std::vector<DayUsage> found;
    for (auto it = accounts_.lower_bound(std::pair(tenant, std::string(since)));
         it != accounts_.end() && it->first.first == tenant && it->first.second <= until; ++it)
        found.push_back(it->second);
    return found;
}

bool UsageLedger::forget_before(std::string_view day) {
    return std::erase_if(accounts_, [&](const auto& entry) { return entry.first.second < day; }) > 0;
}

std::string day_of(std::chrono::system_clock::time_point time) {
    return format_time(time).substr(0, std::string_view("2026-01-31").size());
}

} // namespace sandbox::manager
