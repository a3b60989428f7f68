// What second derivatives are good for: products with the Hessian, Newton's method with and without the matrix, Taylor
// polynomials, the kind of a critical point, how the loss of a network is curved, and how curvature rules descent.
#include <ravine/ravine.hpp>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

namespace rv = ravine;
namespace optim = rv::optim;
namespace landscapes = rv::landscapes;
namespace report = rv::report;

rv::Tensor gradient(rv::Function f, const rv::Tensor& theta) {
  rv::Variable at = rv::parameter(theta);
  return rv::grad(f(at), {at})[0].value();
}

// Rosenbrock's valley in any number of dimensions: the sum of 100 (x[i+1] - x[i]^2)^2 + (1 - x[i])^2.
rv::Variable long_valley(const rv::Variable& x) {
  rv::Variable here = x.slice(0, 0, x.size(0) - 1), next = x.slice(0, 1, x.size(0));
  return rv::sum(100.0 * rv::square(next - rv::square(here)) + rv::square(1.0 - here));
}

template <class F>
double microseconds(F&& f) {
  const auto start = std::chrono::steady_clock::now();
  f();
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count();
}

// A product with the Hessian takes about as long as a few gradients, the whole matrix as long as n products.
void hessian_vector_products() {
  std::puts("H v from hvp and from the matrix, on Rosenbrock's valley in n dimensions");
  std::puts("    n   gradient [us]   hvp [us]   hessian [us]   largest difference");
  for (const rv::Index n : {2, 10, 100, 500}) {
    const rv::Tensor x = rv::randn({n}, rv::f64), v = rv::randn({n}, rv::f64);
    rv::Tensor product, H;
    gradient(long_valley, x);  // the first one takes memory from the system
    const double one = microseconds([&] { gradient(long_valley, x); });
    const double two = microseconds([&] { product = rv::hvp(long_valley, x, v); });
    const double all = microseconds([&] { H = rv::hessian(long_valley, x); });
    std::printf("%5d %15.0f %10.0f %14.0f %20.1e\n", static_cast<int>(n), one, two, all,
                rv::max(rv::abs(product - rv::matmul(H, v))).item());
  }
}

// Solves H d = -g by H's eigenvalues. Where one is negative, Newton's step would go up, to a saddle or a maximum: with
// its magnitude in its place it goes down.
rv::Tensor downhill(const optim::Eigenpairs& H, const rv::Tensor& g) {
  const rv::Tensor curvatures = rv::maximum(rv::abs(H.values), 1e-6);
  return -rv::matmul(H.vectors, rv::matmul(rv::transpose(H.vectors), g) / curvatures);
}

// Newton's method that always goes down: it halves a step until the loss falls.
bool newton(rv::Tensor theta) {
  std::puts("\nNewton's method on Rosenbrock's valley: the number of right digits doubles in each of the last steps");
  std::puts(" step           x           y         loss          |g|   eigenvalues of H   step length");
  for (int step = 0; step < 50; ++step) {
    const optim::Taylor at = optim::taylor(landscapes::rosenbrock, theta);
    const optim::Eigenpairs H = optim::symmetric_eigen(at.hessian);
    const double size = rv::norm(at.gradient).item();
    std::printf("%5d %11.7f %11.7f %12.2e %12.2e %9.1f %8.1f", step, theta.at({0}), theta.at({1}), at.value, size,
                H.values.at({0}), H.values.at({1}));
    if (size < 1e-10) {
      std::puts("");
      return true;
    }
    const rv::Tensor d = downhill(H, at.gradient);
    double t = 1.0;
    while (landscapes::rosenbrock(theta + t * d).item() > at.value + 1e-4 * t * rv::dot(at.gradient, d) && t > 1e-9)
      t /= 2;
    std::printf(" %13g\n", t);
    theta = theta + t * d;
  }
  return false;
}

// The solution d of H d = -g by conjugate gradients, which only ask for products with H; H must be positive definite.
rv::Tensor newton_direction(rv::Function f, const rv::Tensor& theta, const rv::Tensor& by_matrix) {
  rv::Tensor d = rv::zeros_like(theta), residual = -gradient(f, theta), p = residual;
  for (rv::Index k = 0; k <= theta.numel(); ++k) {
    std::printf("%9d %12.2e %24.2e\n", static_cast<int>(k), rv::norm(residual).item(), rv::norm(d - by_matrix).item());
    const double before = rv::dot(residual, residual);
    if (before < 1e-18) break;
    const rv::Tensor Hp = rv::hvp(f, theta, p);
    const double t = before / rv::dot(p, Hp);
    d = d + t * p;
    residual = residual - t * Hp;
    p = residual + rv::dot(residual, residual) / before * p;
  }
  return d;
}

bool newton_without_a_matrix() {
  std::puts("\nThe Newton direction by conjugate gradients, on the valley in 8 dimensions");
  std::puts("iteration    |Hd + g|   distance from H's own d");
  const rv::Tensor theta = rv::linspace(1.1, 1.4, 8, rv::f64);
  const optim::Taylor at = optim::taylor(long_valley, theta);
  const rv::Tensor by_matrix = downhill(optim::symmetric_eigen(at.hessian), at.gradient);
  return rv::norm(newton_direction(long_valley, theta, by_matrix) - by_matrix).item() < 1e-8;
}

// Halving the distance divides the error of the first order by 4, that of the second by 8: they are of order 2 and 3.
void taylor_models() {
  std::puts("\nTaylor polynomials of McCormick's function around (1, 1)");
  std::puts(" distance   first order: error   order   second order: error   order");
  const rv::Tensor direction = rv::tensor({0.6, -0.8}, rv::f64);
  const optim::Taylor at = optim::taylor(landscapes::mccormick, rv::tensor({1.0, 1.0}, rv::f64));
  double first_before = 0.0, second_before = 0.0;
  for (double distance = 1.0; distance > 0.01; distance /= 2) {
    const rv::Tensor theta = at.point + distance * direction;
    const double f = landscapes::mccormick(theta).item();
    const double first = std::abs(f - at.first_order(theta)), second = std::abs(f - at.second_order(theta));
    std::printf("%9.4f %20.2e", distance, first);
    distance < 1.0 ? std::printf(" %7.2f", std::log2(first_before / first)) : std::printf(" %7s", "");
    std::printf(" %21.2e", second);
    distance < 1.0 ? std::printf(" %7.2f\n", std::log2(second_before / second)) : std::puts("");
    first_before = first;
    second_before = second;
  }
}

// The curve, the tangent and the parabola that touch it in theta_0.
void taylor_picture(const std::string& path) {
  const optim::Taylor at = optim::taylor(landscapes::styblinski_tang, rv::tensor({2.0}, rv::f64));
  const rv::Tensor theta = rv::linspace(-4.0, 4.5, 171, rv::f64);
  std::vector<double> f, first, second;
  for (rv::Index i = 0; i < theta.numel(); ++i) {
    const rv::Tensor here = theta.slice(0, i, i + 1);
    f.push_back(landscapes::styblinski_tang(here).item());
    first.push_back(at.first_order(here));
    second.push_back(at.second_order(here));
  }
  report::Plot plot(
      {.title = "Taylor approximations around θ₀ = 2", .x_label = "θ", .y_label = "f(θ)", .y_limits = {-60.0, 60.0}});
  plot.line(theta, rv::tensor(f, rv::f64), "f(θ) = (θ⁴ − 16θ² + 5θ) / 2")
      .line(theta, rv::tensor(first, rv::f64), "first order: f(θ₀) + g (θ − θ₀)")
      .line(theta, rv::tensor(second, rv::f64), "second order: f(θ₀) + g (θ − θ₀) + ½ H (θ − θ₀)²")
      .points(at.point, rv::tensor({at.value}, rv::f64), "θ₀")
      .save(path);
}

// Plain Newton steps lead to a critical point nearby, of whatever kind.
void critical_points() {
  const char* const kinds[] = {"minimum", "maximum", "saddle", "degenerate", "not critical"};
  struct Start {
    const char* name;
    std::function<rv::Variable(const rv::Variable&)> f;
    double x, y;
  };
  const Start starts[] = {
      {"himmelblau", landscapes::himmelblau, 3.1, 2.1},
      {"himmelblau", landscapes::himmelblau, -0.2, -0.8},
      {"himmelblau", landscapes::himmelblau, 0.1, 2.8},
      {"himmelblau", landscapes::himmelblau, -3.1, -0.1},
      {"rosenbrock", landscapes::rosenbrock, 0.9, 0.8},
      {"three_hump_camel", landscapes::three_hump_camel, 1.1, -0.5},
      {"beale", landscapes::beale, -0.1, 0.9},
      {"saddle", landscapes::saddle, 0.5, 0.1},
      {"monkey_saddle", landscapes::monkey_saddle, 0.0, 0.0},
  };
  std::puts("\nCritical points near a start, by plain Newton steps");
  std::puts("landscape                  start          critical point   eigenvalues of H   kind");
  for (const Start& start : starts) {
    optim::Taylor at = optim::taylor(start.f, rv::tensor({start.x, start.y}, rv::f64));
    optim::Eigenpairs H = optim::symmetric_eigen(at.hessian);
    for (int step = 0; step < 20 && rv::norm(at.gradient).item() > 1e-10; ++step) {
      const rv::Tensor along = rv::matmul(rv::transpose(H.vectors), at.gradient);
      at = optim::taylor(start.f, at.point - rv::matmul(H.vectors, along / H.values));
      H = optim::symmetric_eigen(at.hessian);
    }
    const auto kind = static_cast<int>(optim::classify_critical_point(at));
    std::printf("%-18s %6.1f %6.1f   %9.4f %9.4f %9.3f %9.3f   %s\n", start.name, start.x, start.y, at.point.at({0}),
                at.point.at({1}), H.values.at({0}), H.values.at({1}), kinds[kind]);
  }
}

// A network with two inputs, four hidden units and one output, as a function of all its 17 parameters.
rv::Variable network(const rv::Variable& theta, const rv::Tensor& x) {
  const rv::Variable W1 = theta.slice(0, 0, 8).reshape({4, 2}), b1 = theta.slice(0, 8, 12);
  const rv::Variable W2 = theta.slice(0, 12, 16).reshape({1, 4}), b2 = theta.slice(0, 16, 17);
  return rv::linear(rv::tanh(rv::linear(x, W1, b1)), W2, b2);
}

// Two curves over t, which runs downwards.
void plot(const std::vector<double>& ts, const std::vector<double>& sharp, const std::vector<double>& flat) {
  constexpr int width = 60;
  const double low =
      std::min(*std::min_element(sharp.begin(), sharp.end()), *std::min_element(flat.begin(), flat.end()));
  const double high =
      std::max(*std::max_element(sharp.begin(), sharp.end()), *std::max_element(flat.begin(), flat.end()));
  const auto place = [&](double loss) { return static_cast<std::size_t>((loss - low) / (high - low) * (width - 1)); };
  std::printf("\n      t   loss from %.3f to %.3f: * across, o along the valley\n", low, high);
  for (std::size_t i = 0; i < ts.size(); ++i) {
    std::string line(width, ' ');
    line[place(flat[i])] = 'o';
    line[place(sharp[i])] = '*';
    std::printf("%7.2f |%s|\n", ts[i], line.c_str());
  }
}

void network_curvature(const std::string& csv) {
  const rv::data::TensorDataset moons = rv::data::two_moons(200, 0.25);
  const rv::Tensor x = moons.inputs().to(rv::f64), y = moons.targets().to(rv::f64).reshape({-1, 1});
  const auto loss = [&](const rv::Variable& theta) {
    return rv::nn::binary_cross_entropy_with_logits(network(theta, x), y) + 1e-3 * rv::sum(rv::square(theta));
  };
  rv::Variable theta = rv::parameter(rv::randn({17}, rv::f64));
  optim::LBFGS lbfgs({theta}, {.max_iterations = 1000, .change_tolerance = 0.0});
  lbfgs.step([&] { return loss(theta); });

  const optim::Taylor at = optim::taylor(loss, theta.value());
  const optim::Eigenpairs H = optim::symmetric_eigen(at.hessian);
  std::printf(
      "\nA network of 17 parameters, trained to a loss of %.4f with |g| = %.0e. The eigenvalues of its Hessian:\n",
      at.value, rv::norm(at.gradient).item());
  for (const double value : H.values.to_vector<double>()) std::printf(" %.2g", value);

  std::puts("\n\n           along the largest   along the smallest");
  std::puts("      t     loss   2nd order     loss   2nd order");
  std::vector<double> ts, sharp, flat, rows;
  for (int i = -10; i <= 10; ++i) {
    const double t = 0.2 * i;
    const auto along = [&](rv::Index column) {
      return at.point + t * rv::slice(H.vectors, 1, column, column + 1).reshape({17});
    };
    const rv::Tensor across = along(16), valley = along(0);
    ts.push_back(t);
    sharp.push_back(loss(across).item());
    flat.push_back(loss(valley).item());
    rows.insert(rows.end(), {t, sharp.back(), at.second_order(across), flat.back(), at.second_order(valley)});
    if (i % 2 == 0)
      std::printf("%7.2f %8.4f %11.4f %8.4f %11.4f\n", t, sharp.back(), at.second_order(across), flat.back(),
                  at.second_order(valley));
  }
  plot(ts, sharp, flat);
  if (csv.empty()) return;
  rv::data::write_csv(csv, {"t", "largest", "largest_model", "smallest", "smallest_model"},
                      rv::tensor(rows, {static_cast<rv::Index>(ts.size()), 5}, rv::f64));
  std::printf("The loss in both directions is in %s.\n", csv.c_str());
}

// A symmetric matrix with these eigenvalues, in ascending order, and random eigenvectors.
rv::Tensor symmetric(const rv::Tensor& eigenvalues) {
  const rv::Tensor Q = optim::symmetric_eigen(rv::randn({eigenvalues.numel(), eigenvalues.numel()}, rv::f64)).vectors;
  return rv::matmul(Q * eigenvalues, rv::transpose(Q));
}

// Gradient descent on 1/2 theta^T A theta from the sum of A's eigenvectors: row t is V^T theta_t, the coordinates along
// the eigenvectors, which are 1 at the start.
rv::Tensor descend(const rv::Tensor& A, double alpha, int steps) {
  const rv::Tensor V = optim::symmetric_eigen(A).vectors;
  const auto f = landscapes::quadratic(A);
  rv::Variable theta = rv::parameter(rv::sum(V, 1));
  optim::SGD sgd({theta}, {.lr = alpha});
  std::vector<rv::Tensor> path = {rv::matmul(rv::transpose(V), theta.value())};
  for (int t = 0; t < steps; ++t) {
    sgd.step([&] { return f(theta); });
    path.push_back(rv::matmul(rv::transpose(V), theta.value()));
  }
  return rv::stack(path, 0);
}

rv::Tensor column(const rv::Tensor& matrix, rv::Index i) { return matrix.slice(1, i, i + 1).reshape({-1}); }

// theta_t = (I - alpha A)^t theta_0: along each eigenvector a step multiplies by 1 - alpha lambda.
bool descent_per_eigenvalue(const std::string& pictures) {
  constexpr int steps = 20;
  const double alpha = 0.1;
  const rv::Tensor lambda = rv::tensor({3.0, 18.0, 21.0}, rv::f64), A = symmetric(lambda);
  const rv::Tensor path = descend(A, alpha, steps);

  const rv::Tensor V = optim::symmetric_eigen(A).vectors, one_step = rv::eye(3, rv::f64) - alpha * A;
  std::vector<rv::Tensor> powers = {rv::sum(V, 1)};
  for (int t = 0; t < steps; ++t) powers.push_back(rv::matmul(one_step, powers.back()));
  const rv::Tensor closed_form = rv::matmul(rv::stack(powers, 0), V);

  std::printf("\nGradient descent on 1/2 theta^T A theta, alpha = %g: along each eigenvector of A after %d steps\n",
              alpha, steps);
  std::puts("   lambda   1 - alpha lambda           SGD   (I - alpha A)^t theta_0");
  const char* const regimes[] = {"decay", "oscillation", "divergence"};
  const rv::Tensor t = rv::arange(steps + 1, rv::f64);
  std::vector<report::Panel> panels;
  for (rv::Index i = 0; i < 3; ++i) {
    const double factor = 1.0 - alpha * lambda.at({i});
    std::printf("%9g %18g %13.6f %25.6f   %s\n", lambda.at({i}), factor, path.at({-1, i}), closed_form.at({-1, i}),
                regimes[i]);
    char title[64];
    std::snprintf(title, sizeof title, "%s: λ = %g, 1 − αλ = %s%g", regimes[i], lambda.at({i}), factor < 0.0 ? "−" : "",
                  std::abs(factor));
    report::Plot panel(
        {.title = title, .x_label = "step t", .y_label = "vᵀθₜ along the eigenvector v", .width = 380, .height = 340});
    panel.line(t, column(closed_form, i), "vᵀ(I − αA)ᵗ θ₀").points(t, column(path, i), "SGD, α = 0.1");
    panels.push_back(panel);
  }
  if (!pictures.empty()) report::save_grid(pictures + "/descent.svg", panels, 3);
  return rv::max(rv::abs(path - closed_form)).item() < 1e-10;
}

// The loss is the sum over the eigenvectors of 1/2 lambda (v^T theta)^2: the parts of large lambda go first.
void loss_per_eigenvalue(const std::string& path) {
  constexpr int steps = 60;
  const rv::Tensor lambda = rv::tensor({0.1, 0.5, 2.0, 8.0}, rv::f64);
  const rv::Tensor losses = 0.5 * lambda * rv::square(descend(symmetric(lambda), 0.1, steps));
  const rv::Tensor t = rv::arange(steps + 1, rv::f64);
  report::Plot plot({.title = "Gradient descent on ½ θᵀAθ, α = 0.1: the loss along each eigenvector",
                     .x_label = "step t",
                     .y_label = "½ λ (vᵀθₜ)²",
                     .y_log = true,
                     .y_limits = {1e-8, 10.0}});
  for (rv::Index i = 3; i >= 0; --i) {
    char label[32];
    std::snprintf(label, sizeof label, "λ = %g", lambda.at({i}));
    plot.line(t, column(losses, i), label);
  }
  plot.points(t, rv::sum(losses, 1), "their sum").save(path);
}

int main(int argc, char** argv) {
  std::string csv, pictures;
  CLI::App app("Shows what second derivatives are good for.");
  app.add_option("--csv", csv, "write the network's loss along two directions to this file");
  app.add_option("--pictures", pictures, "draw three pictures into this folder: taylor.svg, descent.svg, losses.svg");
  try {
    app.parse(argc, argv);
    rv::manual_seed(1);
    hessian_vector_products();
    const bool reached = newton(rv::tensor({0.5, 1.5}, rv::f64));
    const bool same = newton_without_a_matrix();
    taylor_models();
    critical_points();
    network_curvature(csv);
    const bool closed_form = descent_per_eigenvalue(pictures);
    if (!pictures.empty()) {
      taylor_picture(pictures + "/taylor.svg");
      loss_per_eigenvalue(pictures + "/losses.svg");
      std::printf("\nThe pictures taylor.svg, descent.svg and losses.svg are in %s.\n", pictures.c_str());
    }
    return reached && same && closed_form ? 0 : 1;
  } catch (const CLI::Success& help) {
    return app.exit(help);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "second_order: %s\n", error.what());
    return 1;
  }
}
