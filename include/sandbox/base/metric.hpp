#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace sandbox::metric {

enum class Kind { counter, gauge, histogram };

/// Name and value of each.
using Labels = std::vector<std::pair<std::string, std::string>>;

/// How many observations were at most each bound, and their sum.
class Histogram {
  public:
    /// `bounds` rise, and outlive it: a constant.
    explicit Histogram(std::span<const double> bounds) : bounds_(bounds), counts_(bounds.size() + 1) {}

    void observe(double value);

    std::span<const double> bounds() const { return bounds_; }
    /// Of one bucket alone; the last one has what is above all bounds.
    const std::vector<std::uint64_t>& counts() const { return counts_; }
    double sum() const { return sum_; }
    std::uint64_t count() const;

  private:
    std::span<const double> bounds_;
    std::vector<std::uint64_t> counts_;
    double sum_ = 0;
};

struct Point {
    Labels labels;
    std::variant<double, Histogram> value;
};

/// All of one name. That of a counter is without `_total`, which the text format adds.
struct Family {
    std::string name;
    Kind kind = Kind::gauge;
    std::string help; ///< one line
    std::vector<Point> points;
};

/// One value for each combination of its labels' values. No label may take values without bound: nobody
/// forgets a combination.
template <typename Value>
class Labelled {
  public:
    Labelled(std::vector<std::string> names, Value first)
        : names_(std::move(names)),
          first_(std::move(first)) {}

    /// `values` in the order of the names. A new combination begins with the first value.
    Value& at(std::vector<std::string> values) {
        return values_.try_emplace(std::move(values), first_).first->second;
    }

    std::vector<Point> points() const {
        std::vector<Point> points;
        for (const auto& [values, value] : values_) {
            Labels labels;
            for (std::size_t i = 0; i < names_.size() && i < values.size(); ++i)
                labels.emplace_back(names_[i], values[i]);
            points.push_back({std::move(labels), value});
        }
        return points;
    }

  private:
    std::vector<std::string> names_;
    Value first_;
    std::map<std::vector<std::string>, Value> values_;
};

using Counter = Labelled<double>;
using Histograms = Labelled<Histogram>;

} // namespace sandbox::metric
