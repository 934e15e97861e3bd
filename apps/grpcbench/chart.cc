#include "grpcbench/chart.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

#include "base/escape.h"
#include "base/utf8.h"

namespace ringrpc::grpcbench {
namespace {

constexpr double width = 720;
constexpr double height = 260;
constexpr double left_margin = 70;
constexpr double right_margin = 14;
constexpr double top_margin = 12;
constexpr double bottom_margin = 28;
constexpr double ticks_wanted = 5;

/// The largest of 1, 2 and 5 times a power of ten that is at most `value`.
double round_down(double value) {
  const double power = std::pow(10, std::floor(std::log10(value)));
  for (const double digit : {5.0, 2.0})
    if (digit * power <= value * (1 + 1e-9)) return digit * power;
  return power;
}

std::vector<double> even_ticks(double least, double most, double step_min) {
  const double step = std::max(round_down((most - least) / ticks_wanted * 1.5), step_min);
  std::vector<double> ticks;
  for (double tick = std::ceil(least / step) * step; tick <= most * (1 + 1e-9); tick += step)
    ticks.push_back(tick);
  return ticks;
}

double x_at(double place) { return left_margin + place * (width - left_margin - right_margin); }
double y_at(double place) { return height - bottom_margin - place * (height - top_margin - bottom_margin); }

std::string axes(const Scale& x, const Scale& y) {
  std::string svg;
  for (const double tick : y.ticks()) {
    const double at = y_at(y.place(tick));
    svg += fmt::format("<path class=\"grid\" d=\"M{:.1f} {:.1f}H{:.1f}\"/>", left_margin, at,
                       width - right_margin);
    svg += fmt::format("<text class=\"label\" x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"end\">{}</text>\n",
                       left_margin - 8, at + 4, html_escaped(y.text(tick)));
  }
  for (const double tick : x.ticks()) {
    const double at = x_at(x.place(tick));
    svg += fmt::format("<path class=\"grid\" d=\"M{:.1f} {:.1f}V{:.1f}\"/>", at, height - bottom_margin,
                       height - bottom_margin + 4);
    svg += fmt::format("<text class=\"label\" x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{}</text>\n",
                       at, height - bottom_margin + 18, html_escaped(x.text(tick)));
  }
  return svg;
}

std::string bar_svg(const Chart::Bar& bar, const Scale& x, const Scale& y) {
  const double from = x_at(x.place(bar.from));
  const double to = x_at(x.place(bar.to));
  const double high = y_at(y.place(bar.height));
  return fmt::format(
      "<rect class=\"bar\" x=\"{:.2f}\" y=\"{:.2f}\" width=\"{:.2f}\" "
      "height=\"{:.2f}\"><title>{}</title></rect>\n",
      from, high, std::max(to - from - 0.5, 0.5), height - bottom_margin - high, html_escaped(bar.says));
}

std::string curve_svg(const Chart::Curve& curve, std::size_t series, const Scale& x, const Scale& y) {
  std::string line;
  std::string points;
  const auto there = [&](std::size_t number) {
    return number < curve.points.size() && curve.points[number].second;
  };
  for (std::size_t number = 0; number < curve.points.size(); ++number) {
    if (!there(number)) continue;
    const bool goes_on = number > 0 && there(number - 1);
    const bool lone = !goes_on && !there(number + 1);
    const auto& [along, upward] = curve.points[number];
    const double at = x_at(x.place(along));
    const double high = y_at(y.place(*upward));
    line += fmt::format("{}{:.1f} {:.1f}", goes_on ? "L" : "M", at, high);
    points += fmt::format(
        "<circle class=\"point{}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{}\"><title>{} at {}: "
        "{}</title></circle>\n",
        lone ? " lone" : "", at, high, lone ? 3 : 5, html_escaped(curve.name), html_escaped(x.text(along)),
        html_escaped(y.text(*upward)));
  }
  return fmt::format("<g class=\"series-{}\"><path class=\"curve\" d=\"{}\"/>\n{}</g>\n", series, line,
                     points);
}

}  // namespace

Scale Scale::linear(double least, double most, Text text, double step_min) {
  if (most <= least) most = least + 1;
  Scale scale(least, most, [](double value) { return value; }, std::move(text));
  scale.ticks_ = even_ticks(least, most, step_min);
  return scale;
}

Scale Scale::logarithmic(double least, double most, Text text) {
  if (most <= least * 1.01) most = least * 2;
  Scale scale(least, most, [](double value) { return std::log10(value); }, std::move(text));
  const bool few_decades = most / least < 300;
  for (double power = std::pow(10, std::floor(std::log10(least))); power <= most; power *= 10)
    for (const double digit : {1.0, 2.0, 5.0})
      if ((digit == 1 || few_decades) && digit * power >= least && digit * power <= most)
        scale.ticks_.push_back(digit * power);
  if (scale.ticks_.size() < 2) scale.ticks_ = even_ticks(least, most, 0);
  return scale;
}

Scale Scale::percentile(double most) {
  Scale scale(
      0, most, [](double percent) { return -std::log10(1 - percent / 100); },
      [](double percent) { return fmt::format("{:.6g} %", percent); });
  for (const double tick : {0.0, 50.0, 90.0, 99.0, 99.9, 99.99, 99.999, 99.9999})
    if (tick <= most) scale.ticks_.push_back(tick);
  return scale;
}

double Scale::place(double value) const {
  return std::clamp((bend_(value) - least_) / (most_ - least_), 0.0, 1.0);
}

std::string Chart::svg() const {
  std::string svg = fmt::format("<figure><figcaption>{}", html_escaped(title));
  for (std::size_t series = 0; curves.size() > 1 && series < curves.size(); ++series)
    svg += fmt::format(" <span class=\"key series-{}\">{}</span>", series, html_escaped(curves[series].name));
  svg += fmt::format("</figcaption>\n<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">\n", width,
                     height, html_escaped(title));
  svg += axes(x, y);
  for (const Bar& bar : bars) svg += bar_svg(bar, x, y);
  for (std::size_t series = 0; series < curves.size(); ++series)
    svg += curve_svg(curves[series], series, x, y);
  return svg + "</svg></figure>\n";
}

std::string html_escaped(std::string_view text) { return escape_html(only_utf8(text)); }

}  // namespace ringrpc::grpcbench
