/// Curves and bars as SVG that a page carries in itself, with colours that the page's style decides.
///
///   Chart chart("calls a second", Scale::linear(0, 30, in_seconds), Scale::linear(0, 52'000, as_number));
///   chart.curves.push_back({.name = "succeeded", .points = {{0.05, 50'312}, {0.15, 51'870}}});
///   page += chart.svg();
///
/// Classes: `grid` and `label` of the axes, `curve` and `series-0`, `series-1`, ... of what is drawn. Each
/// point says its values when the mouse rests on it, so no script is needed; `lone` is one without neighbours.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ringrpc::grpcbench {

/// One axis: where a value stands on it, and what is written along it.
class Scale {
 public:
  using Text = std::function<std::string(double)>;

  /// What is written along it is at least `step_min` apart.
  static Scale linear(double least, double most, Text text, double step_min = 0);
  /// Both ends above zero.
  static Scale logarithmic(double least, double most, Text text);
  /// Of percentiles from 0 to `most` (below 100), such that 90, 99 and 99.9 are equally far apart.
  static Scale percentile(double most);

  /// 0 at the beginning of the axis, 1 at its end.
  double place(double value) const;
  std::string text(double value) const { return text_(value); }
  const std::vector<double>& ticks() const noexcept { return ticks_; }

 private:
  Scale(double least, double most, std::function<double(double)> bend, Text text)
      : least_(bend(least)), most_(bend(most)), bend_(std::move(bend)), text_(std::move(text)) {}

  double least_;
  double most_;
  std::function<double(double)> bend_;  // makes the scale linear
  Text text_;
  std::vector<double> ticks_;
};

struct Chart {
  struct Curve {
    std::string name;
    std::vector<std::pair<double, std::optional<double>>> points;  ///< a gap where one has no value
  };
  struct Bar {
    double from;
    double to;
    double height;
    std::string says;
  };

  Chart(std::string what, Scale along, Scale upward)
      : title(std::move(what)), x(std::move(along)), y(std::move(upward)) {}

  /// A <figure> with its caption and, where there are several curves, a legend.
  std::string svg() const;

  std::string title;
  Scale x;
  Scale y;
  std::vector<Curve> curves;
  std::vector<Bar> bars;
};

/// `text` as it may stand in HTML; U+FFFD for what is not UTF-8.
std::string html_escaped(std::string_view text);

}  // namespace ringrpc::grpcbench
