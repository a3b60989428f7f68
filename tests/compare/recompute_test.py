#!/usr/bin/env python3
"""What recompute.py says of a comparison, and of the same with faults planted in it, and that a comparison which is killed
goes on to the same files: recompute_test.py RAVINE-PROGRAM"""
import contextlib, csv, json, pathlib, shutil, statistics, subprocess, sys, tempfile, unittest

PROGRAM = sys.argv.pop()
SCRIPT = pathlib.Path(__file__).with_name("recompute.py")
METHODS = ["sgd", "sgd:momentum=0.9", "adam", "adam:lr=0.05", "sam(sgd:momentum=0.9):rho=0.05", "adahessian:samples=2", "lbfgs", "adam+cosine", "sophia", "lookahead(sgd)"]
PROBLEMS = ["beale", "rosenbrock@3", "saddle", "quadratic:dim=10,condition=100", "mlp:friedman1,hidden=8"]


class Comparison:
    """A copy of the files, to be changed."""

    def __init__(self, folder):
        self.folder = folder
        with open(folder / "runs.csv", newline="") as file:
            self.runs = list(csv.DictReader(file))
        self.results = json.loads((folder / "results.json").read_text())

    def save(self):
        with open(self.folder / "runs.csv", "w", newline="") as file:
            writer = csv.DictWriter(file, self.runs[0], lineterminator="\n")
            writer.writeheader()
            writer.writerows(self.runs)
        (self.folder / "results.json").write_text(json.dumps(self.results))

    def of(self, **wanted):
        return [run for run in self.runs if all(run[key] == value for key, value in wanted.items())]

    def group(self, row):
        return self.of(problem=row["problem"], method=row["method"], phase=row["phase"])

    def costs(self, row):
        return [run[f"evaluations_to_target_{row['target']:02}"] for run in self.group(row)]

    def row(self, condition):
        return next(row for row in self.results["table"] if condition(row))


class Recompute(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.work = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.work.name) / "comparison"
        if cls.compare(cls.folder) != 0:
            raise RuntimeError("the comparison failed")

    @staticmethod
    def compare(folder, *more, until=None):
        """Kills the program when so many bytes of finished runs are there."""
        command = [PROGRAM, "compare", "--problems", *PROBLEMS, "--optimizers", *METHODS, "--trials", "4", "--seeds", "5", "--budget", "300", "--no-page", "--out", str(folder)]
        program = subprocess.Popen([*command, *more], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        journal = folder / "unfinished"
        while until is not None and program.poll() is None:
            with contextlib.suppress(FileNotFoundError):
                if journal.stat().st_size > until:
                    program.kill()
        return program.wait()

    @classmethod
    def tearDownClass(cls):
        cls.work.cleanup()

    def setUp(self):
        copy = pathlib.Path(self.work.name) / self.id()
        shutil.copytree(self.folder, copy)
        self.comparison = Comparison(copy)

    def complains(self, words):
        self.comparison.save()
        done = subprocess.run([sys.executable, SCRIPT, self.comparison.folder], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (1, ""))
        self.assertIn(words, done.stdout)

    def test_all_is_well_before_a_fault_is_planted(self):
        self.comparison.save()
        done = subprocess.run([sys.executable, SCRIPT, self.comparison.folder], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        self.assertIn("all is as the protocol says", done.stdout)

    def test_a_comparison_that_is_killed_goes_on_to_the_same_files(self):
        folder = self.comparison.folder.with_name("killed")
        for size in (0, 20_000, 100_000, 400_000):
            self.compare(folder, "--resume", until=size)
        self.assertEqual(self.compare(folder, "--resume"), 0)
        for name in ("runs.csv", "curves.csv", "results.json"):
            self.assertEqual((folder / name).read_bytes(), (self.folder / name).read_bytes(), name)
        self.assertFalse((folder / "unfinished").exists())

    def test_a_winner_chosen_on_scoring_seeds(self):
        final = self.comparison.of(problem="beale", method="adam", phase="final")
        other = next(run for run in self.comparison.of(problem="beale", method="adam", phase="tune") if run["options"] != final[0]["options"])
        for run in final:
            run.update(options=other["options"], trial=other["trial"])
        method = next(m for m in self.comparison.results["methods"] if m["name"] == "adam")
        method["winners"][0].update(trial=int(other["trial"]), options=other["options"])
        self.comparison.row(lambda row: row["problem"] == "beale" and row["method"] == "adam")["options"] = other["options"]
        self.complains("beale, adam: final runs are not of trial")

    def test_a_seed_that_serves_tuning_and_scoring(self):
        seed = self.comparison.of(phase="final")[0]["seed"]
        for run in self.comparison.of(phase="tune", seed=self.comparison.of(phase="tune")[0]["seed"]):
            run["seed"] = seed
        self.complains("seeds that serve tuning and scoring: " + seed)

    def test_an_evaluation_that_is_not_counted(self):
        run = self.comparison.of(method="sgd", status="budget")[0]
        run["evaluations"] = str(int(run["evaluations"]) - 1)
        self.complains("299 evaluations in 300 steps of 1")

    def test_the_second_gradient_of_sam_that_is_not_counted(self):
        for run in self.comparison.of(method=METHODS[4]):
            run["evaluations"] = run["steps"]
        self.complains("steps of 2")

    def test_a_hessian_vector_product_counted_as_one(self):
        for run in self.comparison.of(method="adahessian:samples=2"):
            run["evaluations"] = str(3 * int(run["steps"]))
        self.complains("steps of 5")

    def test_a_run_that_ends_before_its_budget(self):
        run = self.comparison.of(method="sgd", status="budget")[0]
        run["evaluations"] = run["steps"] = "200"
        self.complains("it ended after 200 evaluations, of 300")

    def test_a_failure_left_out_of_a_median_of_evaluations(self):
        row = self.comparison.row(lambda row: "" in self.comparison.costs(row) and any(self.comparison.costs(row)))
        row["median_evaluations"] = statistics.median(int(cost) for cost in self.comparison.costs(row) if cost)
        self.complains(f"{row['problem']}, {row['method']}, {row['phase']}: median {row['median_evaluations']} instead of")

    def test_a_failure_left_out_of_a_median_loss(self):
        run = self.comparison.of(problem="saddle", method="adam", phase="defaults")[0]
        run.update(status="diverged", reason="the loss is NaN", diverged_at="3", final_loss="nan")
        self.complains("saddle, adam, defaults: final_loss")

    def test_a_run_left_out(self):
        self.comparison.runs.remove(self.comparison.of(phase="final")[2])
        self.complains("final: 4 runs, expected 5")

    def test_an_interval_that_does_not_hold_its_median(self):
        row = self.comparison.row(lambda row: row["median_evaluations"])
        row["low"] = row["median_evaluations"] + 1
        self.complains("does not hold its median")

    def test_an_interval_that_is_too_narrow(self):
        row = self.comparison.row(lambda row: row["low"] and row["high"] and row["low"] < row["median_evaluations"] < row["high"])
        row["low"] = row["high"] = row["median_evaluations"]
        self.complains("is no end of a 95 % interval")

    def test_a_changed_target_of_a_landscape(self):
        self.comparison.results["problems"][0]["targets"][5] *= 1.01
        self.complains("beale: targets")

    def test_a_changed_target_of_a_network(self):
        self.comparison.results["problems"][4]["targets"][5] *= 1.01
        self.complains("mlp:friedman1,hidden=8: targets")

    def test_targets_that_were_given_and_are_not_those_of_the_runs(self):
        problem = self.comparison.results["problems"][4]
        problem["targets_given"] = True
        problem["targets"][28] *= 0.5
        self.complains("target 28 is a loss of")

    def test_another_main_target(self):
        self.comparison.row(lambda row: row["problem"] == "beale")["target"] = 8
        self.complains("its target is not the problem's main one")

    def test_a_target_that_was_not_reached(self):
        run = next(run for run in self.comparison.of(problem="beale") if not run["evaluations_to_target_28"])
        run["evaluations_to_target_28"] = run["evaluations"]
        self.complains("target 28 is a loss of")

    def test_a_fraction_that_was_not_reached(self):
        self.comparison.results["table"][0]["reached"] -= 0.2
        self.complains("reached")

    def test_figures_of_all_problems(self):
        over_all = self.comparison.results["over_all"]
        over_all[0]["ecdf"][-1][1] += 0.01
        over_all[1]["profile"].append([8.0, 1.0])
        over_all[2]["score_by_trials"][1] += 0.01
        for words in ("of all targets with 300.0 evaluations", "profile", "score by trials"):
            self.complains(words)

    def test_a_curve_that_does_not_end_as_its_run(self):
        curves = self.comparison.folder / "curves.csv"
        lines = curves.read_text().splitlines(keepends=True)
        curves.write_text("".join(lines[:-1]))
        self.complains("its curve ends with")


if __name__ == "__main__":
    unittest.main()
