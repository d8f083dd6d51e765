#include "api/format/metrics_text.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>

namespace sandbox::api {
namespace {

using metric::Family;
using metric::Kind;
using metric::Labels;

std::string_view trim(std::string_view text) {
    const std::size_t begin = text.find_first_not_of(" \t");
    if (begin == std::string_view::npos)
        return {};
    return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

/// Takes what comes before the separator off the text.
std::string_view take(std::string_view& text, char separator) {
    const std::size_t end = text.find(separator);
    const std::string_view part = trim(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    return part;
}

double quality_of(std::string_view text) {
    double quality = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), quality);
    return error == std::errc() && end == text.data() + text.size() && quality >= 0 ? quality : 0;
}

/// Shortest text that reads back as the same; "1.0" and not "1", as OpenMetrics wants its bounds.
std::string number_text(double value) {
    if (std::isnan(value))
        return "NaN";
    if (std::isinf(value))
        return value > 0 ? "+Inf" : "-Inf";
    char buffer[32];
    const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, value);
    std::string text(buffer, error == std::errc() ? end : buffer);
    return text.find_first_of(".e") == std::string::npos ? text + ".0" : text;
}

/// Counts are whole numbers, and shown so; as long as a double holds them exactly.
std::string value_text(double value) {
    constexpr double kExact = 9007199254740992; // 2^53
    if (std::trunc(value) == value && std::abs(value) < kExact)
        return std::to_string(static_cast<std::int64_t>(value));
    return number_text(value);
}

std::string escaped(std::string_view text, bool quotes) {
    std::string result;
    for (const char c : text) {
        if (c == '\\')
            result += "\\\\";
        else if (c == '\n')
            result += "\\n";
        else if (c == '"' && quotes)
            result += "\\\"";
        else
            result += c;
    }
    return result;
}

std::string labels_text(const Labels& labels, const std::string& bound = {}) {
    std::string text;
    for (const auto& [name, value] : labels)
        text += (text.empty() ? "" : ",") + name + "=\"" + escaped(value, true) + '"';
    if (!bound.empty())
        text += std::string(text.empty() ? "" : ",") + "le=\"" + bound + '"';
    return text.empty() ? text : '{' + text + '}';
}

void add_line(std::string& text, const std::string& name, const std::string& labels,
              const std::string& value) {
    text += name + labels + ' ' + value + '\n';
}

void add_histogram(std::string& text, const std::string& name, const Labels& labels,
                   const metric::Histogram& histogram) {
    std::uint64_t sum = 0;
    const auto& counts = histogram.counts();
    for (std::size_t i = 0; i < counts.size(); ++i) {
        sum += counts[i];
        const std::string bound =
            i < histogram.bounds().size() ? number_text(histogram.bounds()[i]) : std::string("+Inf");
        add_line(text, name + "_bucket", labels_text(labels, bound), std::to_string(sum));
    }
    add_line(text, name + "_sum", labels_text(labels), number_text(histogram.sum()));
    add_line(text, name + "_count", labels_text(labels), std::to_string(sum));
}

std::string_view word_of(Kind kind) {
    switch (kind) {
    case Kind::counter:
        return "counter";
    case Kind::gauge:
        return "gauge";
    case Kind::histogram:
        return "histogram";
    }
    return "untyped";
}

void add_family(std::string& text, const Family& family, MetricsFormat format) {
    const bool open = format == MetricsFormat::open_metrics;
    const std::string sample = family.name + (family.kind == Kind::counter ? "_total" : "");
    const std::string& named = open ? family.name : sample;
    text += "# HELP " + named + ' ' + escaped(family.help, open) + '\n';
    text += "# TYPE " + named + ' ' + std::string(word_of(family.kind)) + '\n';
    for (const metric::Point& point : family.points) {
        if (const auto* histogram = std::get_if<metric::Histogram>(&point.value))
            add_histogram(text, family.name, point.labels, *histogram);
        else
            add_line(text, sample, labels_text(point.labels), value_text(std::get<double>(point.value)));
    }
}

} // namespace

MetricsFormat choose_metrics_format(std::string_view accept) {
    double open = 0, plain = 0;
    while (!accept.empty()) {
        std::string_view range = take(accept, ',');
        const std::string_view type = take(range, ';');
        double quality = 1;
        std::string_view version;
        while (!range.empty()) {
            std::string_view parameter = take(range, ';');
            const std::string_view name = take(parameter, '=');
            if (name == "q")
                quality = quality_of(trim(parameter));
            else if (name == "version")
                version = trim(parameter);
        }
        if (type == "application/openmetrics-text" && (version.empty() || version == "1.0.0"))
            open = std::max(open, quality);
        else if (type == "text/plain" || type == "text/*")
            plain = std::max(plain, quality);
    }
    return open > 0 && open >= plain ? MetricsFormat::open_metrics : MetricsFormat::prometheus;
}

std::string_view content_type_of(MetricsFormat format) {
    return format == MetricsFormat::open_metrics
               ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
               : "text/plain; version=0.0.4; charset=utf-8";
}

std::string metrics_text(const std::vector<Family>& families, MetricsFormat format) {
    std::string text;
    for (const Family& family : families)
        if (!family.points.empty())
            add_family(text, family, format);
    if (format == MetricsFormat::open_metrics)
        text += "# EOF\n";
    return text;
}

} // namespace sandbox::api
