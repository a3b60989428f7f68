#!/usr/bin/env python3
"""Holds the files of a comparison against each other: recompute.py FOLDER

It knows of the program no more than docs/comparing.md says. From runs.csv it finds winners, targets and the table again,
and compares them with results.json; it names what differs and ends with 1. Python's standard library is all it needs.
"""
import collections, csv, functools, json, math, re, statistics, sys

TARGETS = [f"evaluations_to_target_{k:02}" for k in range(29)]
COLUMNS = "problem,method,phase,trial,seed,options,status,steps,evaluations,start_loss,final_loss,best_loss,test_loss,diverged_at,reason".split(",")
complaints = []


def check(condition, *words):
    if not condition:
        complaints.append(" ".join(map(str, words)))


def number(text):
    """Of a field: infinity where nothing was reached."""
    return float(text) if text else math.inf


def same(a, b, relative=1e-12):
    """Numbers, of which null stands for infinity."""
    a, b = (math.inf if x is None else x for x in (a, b))
    return a == b or math.isclose(a, b, rel_tol=relative, abs_tol=1e-300)


def final(run):
    """The loss that counts: a run that diverged counts as infinite."""
    return math.inf if run["status"] == "diverged" else float(run["final_loss"])


def quartiles(values):
    ordered = sorted(values)

    def at(fraction):
        place = fraction * (len(ordered) - 1)
        low, share = ordered[int(place)], place % 1
        high = ordered[min(int(place) + 1, len(ordered) - 1)]
        return low if share == 0 or low == high else low + share * (high - low)

    return {"median": statistics.median(ordered), "q1": at(0.25), "q3": at(0.75)}


# Runs, each on its own.

def gradients_per_step(options):
    """Of a method's text: gradient evaluations in a step, or None if they vary."""
    if options.startswith(("sam(", "lookahead(")):
        inner = gradients_per_step(options[options.index("(") + 1:])
        return inner and inner + options.startswith("sam")
    if options.startswith("sam"):
        return 2
    if options.startswith("adahessian"):  # each sample is a Hessian-vector product, which is two
        samples = re.search(r"samples=(\d+)", options)
        return 1 + 2 * int(samples.group(1) if samples else 1)
    return None if options.startswith(("lbfgs", "sophia")) else 1


def check_run(run, budget):
    who = f"{run['problem']}, {run['method']}, {run['phase']}, trial {run['trial']}, seed {run['seed']}:"
    steps, evaluations, status = int(run["steps"]), int(run["evaluations"]), run["status"]
    check(status in ("reached", "budget", "stopped", "diverged"), who, "status", status)
    check((status in ("stopped", "diverged")) == bool(run["reason"]), who, "a reason without need, or none where it ended early")
    check((status == "diverged") == bool(run["diverged_at"]), who, "diverged_at does not fit the status")
    each = gradients_per_step(run["options"])
    check(evaluations == steps * each if each else evaluations >= steps, who, f"{evaluations} evaluations in {steps} steps of {each or 'one or more'}")
    check(evaluations >= budget or status != "budget", who, f"it ended after {evaluations} evaluations, of {budget}")
    check(evaluations < budget + (each or budget), who, f"{evaluations} evaluations go beyond the budget of {budget}")
    costs = [number(run[t]) for t in TARGETS]
    check(costs == sorted(costs), who, "a harder target was reached before an easier one")
    check(all(c <= evaluations and c % (each or 1) == 0 for c in costs if c < math.inf), who, "a target was reached at no step's end")
    best, last = float(run["best_loss"]), float(run["final_loss"])
    check(not best > min(float(run["start_loss"]), math.inf if status == "diverged" else last), who, "the best loss is not the best")


def check_runs(runs, protocol, methods):
    order = {"tune": 0, "defaults": 1, "final": 2}
    for run in runs:
        check_run(run, protocol["budget"])
    scoring = {run["seed"] for run in runs if run["phase"] != "tune"}
    tuning = {run["seed"] for run in runs if run["phase"] == "tune"}
    check(not scoring & tuning, "seeds that serve tuning and scoring:", *sorted(scoring & tuning))
    groups = collections.defaultdict(list)
    for run in runs:
        groups[run["problem"], run["method"], run["phase"]].append(run)
    for (problem, method, phase), group in groups.items():
        who = f"{problem}, {method}, {phase}:"
        keys = [(int(run["trial"] or -1), int(run["seed"])) for run in group]
        check(keys == sorted(set(keys)), who, "runs are not sorted, or there twice")
        trials, seeds = (protocol["trials"], tuning) if phase == "tune" else (1, scoring)
        check(len(group) == trials * len(seeds), who, f"{len(group)} runs, expected {trials * len(seeds)}")
        check({run["seed"] for run in group} == seeds, who, "its seeds are not those of the others")
        check(order.get(phase) is not None, who, "no such phase")
    for name, method in methods.items():
        for problem in {run["problem"] for run in runs}:
            tuned = protocol["trials"] > 0 and bool(method["search_space"])
            check(tuned == bool(groups[problem, name, "tune"]), f"{problem}, {name}: tuning runs where there is nothing to tune, or none")
            check(groups[problem, name, "defaults"] and bool(groups[problem, name, "final"]) == (protocol["trials"] > 0), f"{problem}, {name}: no runs")
    return groups


# Targets.

def targets(problem, runs):
    """The 29 numbers: parts of the way to the minimum, falls, or losses."""
    if problem["targets_are"] == "fractions":
        return [10 ** (-1 - k / 4) for k in range(29)]
    if problem["targets_are"] == "falls":
        return [10 ** (-5 + k / 4) for k in range(29)]
    guess = problem["guess"]
    if guess is None:
        return [None] * 29
    lowest = min(loss for loss in (float(run["best_loss"]) for run in runs) if not math.isnan(loss))
    if guess <= 0:
        return [guess + (min(lowest, guess) - guess) * (k + 1) / 29 for k in range(29)]
    lowest = min(max(lowest, 1e-12 * guess), guess)
    return [guess * (lowest / guess) ** ((k + 1) / 29) for k in range(29)]


def check_targets(problem, runs):
    name, said = problem["name"], problem["targets"]
    if not problem["targets_given"]:  # else they are an earlier comparison's
        check(len(said) == 29 and all(map(same, said, targets(problem, runs))), f"{name}: targets {said} are not those of the protocol")
    kind = problem["targets_are"]
    check(problem["main_target"] == {"fractions": 12, "falls": 20, "losses": 21}[kind], f"{name}: main target {problem['main_target']}")
    for run in runs:
        start, best = float(run["start_loss"]), float(run["best_loss"])
        for k, value in enumerate(said):
            value = math.nan if value is None else value  # which no run reaches
            level = {"fractions": lambda: problem["minimum"] + value * (start - problem["minimum"]), "falls": lambda: start - value, "losses": lambda: value}[kind]()
            doubt = 1e-9 * abs(level) if kind == "losses" else 1e-9 * abs(start - level) + 1e-15 * abs(start) + 1e-15 * abs(level)
            if math.isnan(best) or abs(best - level) <= doubt:
                continue
            check((best <= level) == bool(run[TARGETS[k]]), f"{name}, {run['method']}, {run['phase']}, seed {run['seed']}: target {k} is a loss of {level}, its best is {best}, evaluations '{run[TARGETS[k]]}'")


# Winners.

def check_winner(problem, method, tune, score, said):
    who = f"{problem}, {method}:"
    if not tune:
        return
    trials = collections.defaultdict(list)
    for run in tune:
        trials[int(run["trial"])].append(run)
    winner = min(trials, key=lambda k: (statistics.median(map(final, trials[k])), k))
    options = trials[winner][0]["options"]
    check(all(run["options"] == options and int(run["trial"]) == winner for run in score), who, f"final runs are not of trial {winner}, {options}, which has the lowest median on the tuning seeds")
    check(said == {"problem": problem, "trial": winner, "options": options}, who, f"the winner is {said}, not trial {winner}, {options}")


# The table.

@functools.lru_cache(None)
def resampled_medians(n):
    """Of n values drawn with replacement from n sorted ones: (i, j, probability that these are in the middle)."""
    def at_most(i, k):  # at least k of the n drawn are at place i or before
        p = (i + 1) / n
        return sum(math.comb(n, m) * p**m * (1 - p) ** (n - m) for m in range(k, n + 1))

    half, found = n // 2, []
    for i in range(n):
        lower = (n + 1) // 2
        rest = at_most(i, lower) - at_most(i - 1, lower)
        if n % 2 == 0:
            for j in range(i + 1, n):
                p = math.comb(n, half) * (((i + 1) / n) ** half - (i / n) ** half) * ((1 - j / n) ** half - (1 - (j + 1) / n) ** half)
                found.append((i, j, p))
                rest -= p
        found.append((i, i, rest))
    return found


def check_interval(who, values, low, high):
    """Exactly, where the program drew 10,000 times: 0.0063 is four standard deviations of that."""
    ordered = sorted(values)
    chances = [((ordered[i] + ordered[j]) / 2, p) for i, j, p in resampled_medians(len(ordered))]
    for end, beyond, up_to in [(low, lambda x: x < low, lambda x: x <= low), (high, lambda x: x > high, lambda x: x >= high)]:
        outside, inside = (sum(p for x, p in chances if f(x)) for f in (beyond, up_to))
        check(outside < 0.025 + 0.0063 and inside > 0.025 - 0.0063, who, f"{end} is no end of a 95 % interval: {outside:.4f} of resampled medians are beyond")


def check_row(row, runs):
    who = f"{row['problem']}, {row['method']}, {row['phase']}:"
    values = [number(run[TARGETS[row["target"]]]) for run in runs]
    said, low, high = (math.inf if row[k] is None else row[k] for k in ("median_evaluations", "low", "high"))
    check(same(said, statistics.median(values)), who, f"median {said} instead of {statistics.median(values)}")
    check(low <= said <= high, who, f"the interval {low} to {high} does not hold its median {said}")
    check_interval(who, values, low, high)
    reached = sum(map(math.isfinite, values)) / len(values)
    check(same(row["reached"], reached), who, f"reached {row['reached']} instead of {reached}")
    tests = [float(run["test_loss"]) if run["test_loss"] else math.inf for run in runs]
    for what, losses in [("final_loss", list(map(final, runs))), ("test_loss", tests)]:
        if what == "test_loss" and not any(run["test_loss"] for run in runs):
            check(row[what] is None, who, "a test loss without test losses")
            continue
        again = quartiles(losses)
        check(row[what] and all(same(row[what][k], again[k]) for k in again), who, f"{what} {row[what]} instead of {again}")
    check({run["options"] for run in runs} == {row["options"]}, who, "options", row["options"])
    check("--trials 0" in row["command"] and "--out" not in row["command"], who, "command", row["command"])


# Over all problems.

def distribution(values, limit):
    """(x, fraction of the values at most x) at each value up to the limit."""
    counted = collections.Counter(v for v in values if v <= limit and v < math.inf)
    total, points = 0, []
    for x in sorted(counted):
        total += counted[x]
        points.append((x, total / len(values)))
    return points


def expected_best(ranked):
    """Of k = 1, 2, … drawn without replacement, the first in the ranking."""
    n = len(ranked)
    return [sum(math.comb(n - 1 - i, k - 1) * score for i, score in enumerate(ranked)) / math.comb(n, k) for k in range(1, n + 1)]


def score_by_trials(problems, groups, method):
    sums = []
    for problem in problems:
        trials = collections.defaultdict(list)
        for run in groups[problem, method, "tune"]:
            trials[int(run["trial"])].append(run)
        ranked = sorted(trials.values(), key=lambda runs: (statistics.median(map(final, runs)), int(runs[0]["trial"])))
        scores = [sum(bool(run[t]) for run in runs for t in TARGETS) / (29 * len(runs)) for runs in ranked]
        for k, score in enumerate(expected_best(scores)):
            sums += [0.0] * (k + 1 - len(sums))
            sums[k] += score / len(problems)
    return sums


def check_over_all(said, problems, groups, table):
    method, phase = said["method"], said["phase"]
    who = f"over all, {method}, {phase}:"
    costs = [number(run[t]) for p in problems for run in groups[p, method, phase] for t in TARGETS]
    exact = distribution(costs, math.inf)
    for x, y in said["ecdf"]:
        check(same(y, max((f for cost, f in exact if cost <= x), default=0.0)), who, f"fraction {y} of all targets with {x} evaluations")
    ratios = []
    for p in problems:
        medians = {r["method"]: math.inf if r["median_evaluations"] is None else r["median_evaluations"] for r in table if r["problem"] == p and r["phase"] == phase}
        best, mine = min(medians.values()), medians[method]
        ratios.append(mine if mine == math.inf else 1.0 if mine == best else mine / best)
    again = distribution(ratios, 8.0)
    check(len(again) == len(said["profile"]) and all(same(a, b) for p, q in zip(again, said["profile"]) for a, b in zip(p, q)), who, f"profile {said['profile']} instead of {again}")
    scores = score_by_trials(problems, groups, method) if phase == "final" else []
    check(len(scores) == len(said["score_by_trials"]) and all(same(a, b, 1e-9) for a, b in zip(scores, said["score_by_trials"])), who, f"score by trials {said['score_by_trials']} instead of {scores}")


def check_curves(rows, groups):
    curves = collections.defaultdict(list)
    for row in rows:
        curves[row["problem"], row["method"], row["phase"], row["seed"]].append(row)
    scored = {(*key, run["seed"]): run for key, runs in groups.items() for run in runs if key[2] != "tune"}
    check(curves.keys() == scored.keys(), "curves.csv is not of the final and defaults runs")
    for key, curve in curves.items():
        who = ", ".join(key) + ": its curve"
        steps = [int(row["step"]) for row in curve]
        check(steps == sorted(set(steps)), who, "does not go from step to step")
        check(len(steps) <= (2401 if curve[0]["x"] else 400), who, f"has {len(steps)} points")
        if run := scored.get(key):
            ended = (curve[-1]["step"], curve[-1]["evaluations"], curve[-1]["loss"])
            check(ended == (run["steps"], run["evaluations"], run["final_loss"]), who, f"ends with {ended}, not as the run")


def main(folder):
    def rows(name):
        with open(f"{folder}/{name}", newline="") as file:
            reader = csv.DictReader(file)
            return list(reader), reader.fieldnames

    with open(f"{folder}/results.json") as file:
        results = json.load(file)
    runs, columns = rows("runs.csv")
    check(columns == COLUMNS + TARGETS, "runs.csv has the columns", columns)
    methods = {method["name"]: method for method in results["methods"]}
    problems = [problem["name"] for problem in results["problems"]]
    groups = check_runs(runs, results["protocol"], methods)
    for problem in results["problems"]:
        check_targets(problem, [run for run in runs if run["problem"] == problem["name"]])
        for name, method in methods.items():
            said = next((w for w in method["winners"] if w["problem"] == problem["name"]), None)
            check_winner(problem["name"], name, groups[problem["name"], name, "tune"], groups[problem["name"], name, "final"], said)
    table = {(row["problem"], row["method"], row["phase"]): row for row in results["table"]}
    main_targets = {problem["name"]: problem["main_target"] for problem in results["problems"]}
    check(len(table) == len(results["table"]) and table.keys() == {key for key, group in groups.items() if group and key[2] != "tune"}, "the table has not the rows of runs.csv")
    for key, row in table.items():
        check(row["target"] == main_targets[row["problem"]], *key, "its target is not the problem's main one")
        if groups[key]:
            check_row(row, groups[key])
    for said in results["over_all"]:
        check_over_all(said, problems, groups, results["table"])
    check_curves(rows("curves.csv")[0], groups)
    for complaint in complaints[:20]:
        print("recompute:", complaint)
    print(f"recompute: {len(runs)} runs, {len(table)} rows of the table: " + (f"{len(complaints)} complaints" if complaints else "all is as the protocol says"))
    return bool(complaints)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
