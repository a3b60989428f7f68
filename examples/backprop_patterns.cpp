// How gradients flow through the four gates of which most graphs are made: add distributes, mul swaps, copy adds, max
// routes. Each gate is a small graph; its values and gradients are checked against those worked out by hand, and with
// a folder as the argument each is drawn.
#include <ravine/ravine.hpp>

#include <cstdio>
#include <exception>
#include <string>
#include <vector>

namespace rv = ravine;

struct Wire {
  const char* name;
  rv::Variable variable;
  double value, gradient;  // worked out by hand
};

bool all_right = true;
std::string pictures;  // the folder for them; none if empty

void draw(const char* file, const char* title, const rv::Variable& output, const std::vector<Wire>& wires) {
  rv::report::GraphOptions options{.title = title};
  for (const Wire& wire : wires) options.names.emplace_back(wire.name, wire.variable);
  rv::report::graph(output, options).save(pictures + "/" + file);
}

// Prints d(output)/d(wire) for every wire. Small whole numbers are exact in floating point, so `==` will do.
void show(const char* file, const char* title, const rv::Variable& output, const std::vector<Wire>& wires) {
  if (!pictures.empty()) draw(file, title, output, wires);
  std::vector<rv::Variable> inputs;
  for (const Wire& wire : wires) inputs.push_back(wire.variable);
  const std::vector<rv::Variable> gradients = rv::grad(output, inputs);

  std::printf("\n%s\n", title);
  for (std::size_t i = 0; i < wires.size(); ++i) {
    const double value = wires[i].variable.item(), gradient = gradients[i].item();
    const bool right = value == wires[i].value && gradient == wires[i].gradient;
    all_right = all_right && right;
    std::printf("  %-3s  value %4g   gradient %4g   %s\n", wires[i].name, value, gradient, right ? "" : "wrong");
  }
}

rv::Variable number(double value) { return rv::parameter(rv::scalar(value)); }

void add_distributes() {
  rv::Variable x = number(3), y = number(4);
  rv::Variable q = x + y;
  show("add.svg", "add distributes: both inputs get the gradient of the sum", 2 * q,
       {{"x", x, 3, 2}, {"y", y, 4, 2}, {"q", q, 7, 2}});
}

void mul_swaps() {
  rv::Variable x = number(2), y = number(3);
  rv::Variable q = x * y;
  show("mul.svg", "mul swaps: each input gets the other's value times the gradient of the product", 5 * q,
       {{"x", x, 2, 15}, {"y", y, 3, 10}, {"q", q, 6, 5}});
}

void copy_adds() {
  rv::Variable x = number(7);
  show("copy.svg", "copy adds: a value used twice gets the sum of both gradients", 4 * x + 2 * x, {{"x", x, 7, 6}});
}

void max_routes() {
  rv::Variable x = number(4), y = number(5);
  rv::Variable q = rv::maximum(x, y);
  show("max.svg", "max routes: the larger input gets the whole gradient, the other none", 9 * q,
       {{"x", x, 4, 0}, {"y", y, 5, 9}, {"q", q, 5, 9}});
}

// All of them at once.
void together() {
  rv::Variable x = number(3), y = number(-4), z = number(2), w = number(-1);
  rv::Variable p = x * y, m = rv::maximum(z, w);
  rv::Variable f = 2 * (p + m) + x;
  show("together.svg", "together: f = 2 (x y + max(z, w)) + x", f,
       {{"x", x, 3, -7},
        {"y", y, -4, 6},
        {"z", z, 2, 2},
        {"w", w, -1, 0},
        {"p", p, -12, 2},
        {"m", m, 2, 2},
        {"f", f, -17, 1}});
}

int main(int argc, char** argv) try {
  if (argc > 1) pictures = argv[1];
  const rv::KeepGraph keep;  // the pictures show all values, those on the way as well
  std::puts("Gradients are those of the last value of each graph, by reverse-mode differentiation.");
  add_distributes();
  mul_swaps();
  copy_adds();
  max_routes();
  together();
  std::puts(all_right ? "\nall as worked out by hand" : "\nnot all as worked out by hand");
  return all_right ? 0 : 1;
} catch (const std::exception& error) {
  std::fprintf(stderr, "backprop_patterns: %s\n", error.what());
  return 1;
}
