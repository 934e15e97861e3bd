/// Curves and bars as SVG to embed in a page, whose style sheet defines the colours.
///
///   Chart chart("calls a second", Scale::linear(0, 30, in_seconds), Scale::linear(0, 52'000, as_number));
///   chart.curves.push_back({.name = "succeeded", .points = {{0.05, 50'312}, {0.15, 51'870}}});
///   page += chart.svg();
///
/// Classes: `grid` and `label` for the axes, `curve` and `series-0`, `series-1`, ... for the curves. Each
/// point shows its values as a tooltip, without a script; a point without neighbours has the class `lone`.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ringrpc::grpcbench {

/// One axis: maps values to positions, and has ticks with labels.
class Scale {
 public:
  using Text = std::function<std::string(double)>;

  /// Ticks are at least `step_min` apart.
  static Scale linear(double least, double most, Text text, double step_min = 0);
  /// Both ends must be above zero.
  static Scale logarithmic(double least, double most, Text text);
  /// Percentiles from 0 to `most` (below 100), spaced so that 90, 99 and 99.9 are equally far apart.
  static Scale percentile(double most);

  /// The position of `value`: 0 at the beginning of the axis, 1 at its end.
  double place(double value) const;
  std::string text(double value) const { return text_(value); }
  const std::vector<double>& ticks() const noexcept { return ticks_; }

 private:
  Scale(double least, double most, std::function<double(double)> bend, Text text)
      : least_(bend(least)), most_(bend(most)), bend_(std::move(bend)), text_(std::move(text)) {}

  double least_;
  double most_;
  std::function<double(double)> bend_;  // maps values to a linear scale
  Text text_;
  std::vector<double> ticks_;
};

struct Chart {
  struct Curve {
    std::string name;
    std::vector<std::pair<double, std::optional<double>>> points;  ///< a point without a value makes a gap
  };
  struct Bar {
    double from;
    double to;
    double height;
    std::string says;
  };

  Chart(std::string what, Scale along, Scale upward)
      : title(std::move(what)), x(std::move(along)), y(std::move(upward)) {}

  /// A <figure> with a caption and, for several curves, a legend.
  std::string svg() const;

  std::string title;
  Scale x;
  Scale y;
  std::vector<Curve> curves;
  std::vector<Bar> bars;
};

/// `text` escaped for HTML, with U+FFFD in place of invalid UTF-8.
std::string html_escaped(std::string_view text);

}  // namespace ringrpc::grpcbench
