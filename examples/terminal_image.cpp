// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "examples/terminal_image.h"

#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>

namespace {

struct Pixels {
  const uint8_t* data;
  int64_t height;
  int64_t width;

  explicit Pixels(const at::Tensor& tensor)
      : data(tensor.const_data_ptr<uint8_t>()),
        height(tensor.size(0)),
        width(tensor.size(1)) {}
  const uint8_t* at(int64_t y, int64_t x) const {
    return data + (y * width + x) * 3;
  }
};

std::string colour(const uint8_t* rgb) {
  return std::to_string(rgb[0]) + ";" + std::to_string(rgb[1]) + ";" +
      std::to_string(rgb[2]);
}

// Primary device attributes: the answer lists 4 when sixel is there. Not asked when
// someone has typed ahead: the keys would be taken for the answer.
bool answers_sixel() {
  constexpr int kAnswerMilliseconds = 250; // between its bytes; one far away is slow
  termios before{};
  pollfd waiting{STDIN_FILENO, POLLIN, 0};
  if (tcgetattr(STDIN_FILENO, &before) != 0 || poll(&waiting, 1, 0) != 0) {
    return false;
  }
  termios raw = before;
  raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
  tcsetattr(STDIN_FILENO, TCSANOW, &raw);
  std::string answer;
  if (write(STDOUT_FILENO, "\033[c", 3) == 3) {
    char byte = 0;
    while (answer.find('c') == std::string::npos &&
           poll(&waiting, 1, kAnswerMilliseconds) > 0 &&
           read(STDIN_FILENO, &byte, 1) == 1) {
      answer += byte;
    }
  }
  tcsetattr(STDIN_FILENO, TCSANOW, &before);
  return answer.find(";4;") != std::string::npos ||
      answer.find(";4c") != std::string::npos;
}

} // namespace

TerminalGraphics detect_terminal_graphics() {
  const char* term = std::getenv("TERM");
  if (!isatty(STDOUT_FILENO) || term == nullptr || std::strcmp(term, "dumb") == 0) {
    return TerminalGraphics::None;
  }
  return isatty(STDIN_FILENO) != 0 && answers_sixel() ? TerminalGraphics::Sixel
                                                      : TerminalGraphics::HalfBlocks;
}

std::string to_half_blocks(const omni::Image& image, int64_t max_columns) {
  const int64_t columns = std::min(image.width(), max_columns);
  const int64_t rows =
      std::max<int64_t>(2, image.height() * columns / image.width() / 2 * 2);
  const at::Tensor resized =
      omni::resize_pixels(image.pixels, rows, columns, omni::Interpolation::Bilinear)
          .contiguous();
  const Pixels pixels(resized);
  std::string text;
  for (int64_t y = 0; y + 1 < rows; y += 2) {
    for (int64_t x = 0; x < columns; ++x) {
      text += "\033[38;2;" + colour(pixels.at(y, x)) + ";48;2;" +
          colour(pixels.at(y + 1, x)) + "m▀";
    }
    text += "\033[0m\n";
  }
  return text;
}

std::string to_sixel(const omni::Image& image, int64_t scale) {
  const at::Tensor enlarged = omni::resize_pixels(
                                  image.pixels, image.height() * scale,
                                  image.width() * scale, omni::Interpolation::Nearest)
                                  .contiguous();
  const Pixels pixels(enlarged);
  // A cube of 6 x 6 x 6 colours, as percentages.
  std::string text = "\033Pq\"1;1;" + std::to_string(pixels.width) + ";" +
      std::to_string(pixels.height);
  for (int colour = 0; colour < 216; ++colour) {
    text.append("#").append(std::to_string(colour)).append(";2;");
    text.append(std::to_string(colour / 36 * 20)).append(";");
    text.append(std::to_string(colour / 6 % 6 * 20)).append(";");
    text.append(std::to_string(colour % 6 * 20));
  }
  for (int64_t top = 0; top < pixels.height; top += 6) {
    std::map<int, std::string> bands; // colour → one sixel a column
    for (int64_t x = 0; x < pixels.width; ++x) {
      for (int64_t bit = 0; bit < std::min<int64_t>(6, pixels.height - top); ++bit) {
        const uint8_t* rgb = pixels.at(top + bit, x);
        const int colour =
            (rgb[0] + 25) / 51 * 36 + (rgb[1] + 25) / 51 * 6 + (rgb[2] + 25) / 51;
        std::string& band =
            bands.try_emplace(colour, static_cast<size_t>(pixels.width), '?')
                .first->second;
        auto& sixel = band[static_cast<size_t>(x)];
        sixel = static_cast<char>(sixel + (1 << bit));
      }
    }
    for (const auto& [colour, band] : bands) {
      text.append("#").append(std::to_string(colour)).append(band).append("$");
    }
    text += "-";
  }
  return text + "\033\\\n";
}
