#include "api/http/file_range.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

namespace sandbox::api {
namespace {

std::optional<std::uint64_t> number_of(std::string_view text) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size() || text.empty())
        return std::nullopt;
    return number;
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
        text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t'))
        text.remove_suffix(1);
    return text;
}

} // namespace

std::string RangeAnswer::text(std::uint64_t whole) const {
    return "bytes " + std::to_string(first) + "-" + std::to_string(first + size - 1) + "/" +
           std::to_string(whole);
}

RangeAnswer find_range(std::string_view header, std::uint64_t size) {
    constexpr std::string_view kUnit = "bytes=";
    const RangeAnswer whole{RangeAnswer::Kind::whole, 0, size}, outside{RangeAnswer::Kind::outside, 0, 0};
    if (!header.starts_with(kUnit))
        return whole;
    header = trimmed(header.substr(kUnit.size()));
    const std::size_t dash = header.find('-');
    if (dash == std::string_view::npos)
        return whole;
    const auto first = number_of(header.substr(0, dash)), last = number_of(header.substr(dash + 1));
    if (dash == 0) { // the last bytes
        if (!last)
            return whole;
        if (*last == 0 || size == 0)
            return outside;
        const std::uint64_t count = std::min(*last, size);
        return {RangeAnswer::Kind::part, size - count, count};
    }
    if (!first || (!last && dash + 1 != header.size()) || (last && *last < *first))
        return whole;
    if (*first >= size)
        return outside;
    const std::uint64_t end = last ? std::min(*last, size - 1) : size - 1;
    return {RangeAnswer::Kind::part, *first, end - *first + 1};
}

bool lists_tag(std::string_view header, std::string_view quoted_tag) {
    while (!header.empty()) {
        const std::size_t comma = header.find(',');
        std::string_view one = trimmed(header.substr(0, comma));
        if (one.starts_with("W/"))
            one.remove_prefix(2);
        if (one == quoted_tag || one == "*")
            return true;
        header = comma == std::string_view::npos ? std::string_view{} : header.substr(comma + 1);
    }
    return false;
}

} // namespace sandbox::api
