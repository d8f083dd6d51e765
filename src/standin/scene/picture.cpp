#include "standin/scene/picture.hpp"

#include "standin/scene/png.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <string_view>

namespace standin {
namespace {

struct Color {
    float red, green, blue;
};

/// A ball, in samples: x to the right, y down, z towards the viewer.
struct Ball {
    float x, y, z, radius;
    Color color;
};

Color named_color(const Model& model, const Atom& atom) {
    static const std::map<std::string_view, Color> names{
        {"red", {1, 0, 0}},          {"green", {0, .5F, 0}},   {"blue", {0, 0, 1}},
        {"yellow", {1, 1, 0}},       {"white", {1, 1, 1}},     {"orange", {1, .5F, 0}},
        {"cyan", {0, 1, 1}},         {"magenta", {1, 0, 1}},   {"gray", {.5F, .5F, .5F}},
        {"purple", {.6F, .1F, .9F}}, {"tan", {.8F, .7F, .55F}}};
    static const std::map<std::string_view, Color> elements{
        {"N", {.2F, .3F, 1}}, {"O", {1, .1F, .1F}}, {"S", {1, 1, .2F}}, {"P", {1, .5F, 0}}, {"H", {1, 1, 1}}};
    if (model.color == "bychain") {
        constexpr std::array<Color, 4> kChains{Color{.48F, .41F, .93F}, Color{.94F, .5F, .5F},
                                               Color{.56F, .93F, .56F}, Color{1, .84F, 0}};
        const std::string& chain = model.residues[atom.residue].chain;
        return kChains[chain.empty() ? 0 : static_cast<std::size_t>(chain.front()) % kChains.size()];
    }
    if (const auto found = names.find(model.color); found != names.end())
        return found->second;
    const auto element = elements.find(atom.element);
    return element == elements.end() ? Color{.82F, .71F, .55F} : element->second;
}

std::vector<Ball> place_balls(const std::vector<Model>& models, float width, float height) {
    constexpr float kRadius = 1.7F; // carbon's, in Å
    constexpr float kMost = std::numeric_limits<float>::max();
    float left = kMost, right = -kMost, bottom = kMost, top = -kMost;
    for (const Model& model : models) {
        for (const Atom& atom : model.atoms) {
            left = std::min(left, atom.x);
            right = std::max(right, atom.x);
            bottom = std::min(bottom, atom.y);
            top = std::max(top, atom.y);
        }
    }
    const float scale = std::min(width / (right - left + 4 * kRadius), height / (top - bottom + 4 * kRadius));
    std::vector<Ball> balls;
    for (const Model& model : models)
        for (const Atom& atom : model.atoms)
            balls.push_back({width / 2 + (atom.x - (left + right) / 2) * scale,
                             height / 2 - (atom.y - (bottom + top) / 2) * scale, atom.z * scale,
                             kRadius * scale, named_color(model, atom)});
    return balls;
}

/// One row of samples: colour, and how near its ball is.
class SampleRow {
  public:
    explicit SampleRow(std::size_t width) : colors_(width), depths_(width) {}

    void draw(const std::vector<Ball>& balls, float y) {
        std::fill(depths_.begin(), depths_.end(), -std::numeric_limits<float>::infinity());
        for (const Ball& ball : balls)
            if (std::abs(y - ball.y) < ball.radius)
                draw_ball(ball, y);
    }
    bool covered(std::size_t x) const { return std::isfinite(depths_[x]); }
    const Color& color(std::size_t x) const { return colors_[x]; }

  private:
    void draw_ball(const Ball& ball, float y) {
        const float dy = y - ball.y;
        const float half = std::sqrt(ball.radius * ball.radius - dy * dy);
        const auto first = static_cast<std::size_t>(std::max(0.0F, std::ceil(ball.x - half)));
        for (std::size_t x = first; x < depths_.size(); ++x) {
            const float dx = static_cast<float>(x) - ball.x;
            const float rest = ball.radius * ball.radius - dx * dx - dy * dy;
            if (dx > 0 && rest < 0)
                return;
            const float height = std::sqrt(std::max(rest, 0.0F));
            if (ball.z + height <= depths_[x])
                continue;
            depths_[x] = ball.z + height;
            // Light from above on the left.
            const float light =
                std::clamp((-0.4F * dx - 0.4F * dy + 0.82F * height) / ball.radius, 0.0F, 1.0F);
            const float shade = 0.25F + 0.75F * light;
            colors_[x] = {ball.color.red * shade, ball.color.green * shade, ball.color.blue * shade};
        }
    }

    std::vector<Color> colors_;
    std::vector<float> depths_;
};

std::uint8_t to_byte(float value) {
    return static_cast<std::uint8_t>(std::lround(std::clamp(value, 0.0F, 1.0F) * 255));
}

} // namespace

void save_picture(const std::string& path, const std::vector<Model>& models, const Picture& picture) {
    const std::size_t factor = picture.supersample;
    const std::size_t channels = picture.transparent ? 4 : 3;
    const std::vector<Ball> balls = place_balls(models, static_cast<float>(picture.width * factor),
                                                static_cast<float>(picture.height * factor));
    PngWriter png(path, picture.width, picture.height, picture.transparent);
    SampleRow samples(picture.width * factor);
    std::vector<float> sums;
    std::vector<std::uint8_t> row(picture.width * channels);
    for (std::size_t y = 0; y < picture.height; ++y) {
        sums.assign(std::size_t{picture.width} * 4, 0.0F);
        for (std::size_t part = 0; part < factor; ++part) {
            samples.draw(balls, static_cast<float>(y * factor + part));
            for (std::size_t x = 0; x < picture.width * factor; ++x) {
                if (!samples.covered(x))
                    continue;
                float* sum = &sums[x / factor * 4];
                sum[0] += samples.color(x).red;
                sum[1] += samples.color(x).green;
                sum[2] += samples.color(x).blue;
                sum[3] += 1;
            }
        }
        const auto count = static_cast<float>(factor * factor);
        for (std::size_t x = 0; x < picture.width; ++x) {
            const float* sum = &sums[x * 4];
            // PNG's alpha is not premultiplied; a black background needs no more than the sums.
            const float divisor = picture.transparent ? std::max(sum[3], 1.0F) : count;
            for (std::size_t c = 0; c < 3; ++c)
                row[x * channels + c] = to_byte(sum[c] / divisor);
            if (picture.transparent)
                row[x * channels + 3] = to_byte(sum[3] / count);
        }
        png.row(row);
    }
    png.finish();
}

} // namespace standin
