"""The command line as a whole: light, consistent, and its errors one line."""

import importlib
import inspect
import json
import subprocess
import sys

import click
import pytest
from PIL import Image

from dltk.cli.main import SECTIONS, cli

# Options of the batch around a recipe, and of the command itself; all others are the recipe's.
BATCH = {"output", "format", "overwrite", "on_error", "limit", "quiet", "verbose"}
COMMAND = {
    "features": {
        "pca",
        "shard_size",
        "query",
        "neighbors",
        "metric",
        "dedupe",
        "threshold",
        "plot",
        "seed",
    },
    "detect": {"coco", "yolo", "voc"},
    "segment": {"coco", "instances", "most"},
    "evaluate": {"as_json"},
    "export": {"as_json"},
    "finetune": {"as_json"},
    "text": {"as_json", "model", "prompt_file", "questions", "picture", "seed"},
    "generate": {"grid", "interpolate", "frames", "video", "groups", "arithmetic", "as_json"},
    "train": {"as_json"},
    "visualize": {"as_json"},
}
HEAVY = {"tensorflow", "keras", "numpy", "PIL", "rich", "sklearn", "matplotlib", "recipes"}


def commands(group=cli, path=()):
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        yield (*path, name), command


@pytest.mark.parametrize("path", [(), *(path for path, _ in commands())], ids=" ".join)
def test_help_loads_nothing_heavy(path):
    code = (
        "import sys; from dltk.cli.main import main; code = main(sys.argv[1:]);"
        "print(sorted({name.split('.')[0] for name in sys.modules}), file=sys.stderr);"
        "sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *path, "--help"], capture_output=True, text=True
    )
    assert done.returncode == 0 and done.stdout.startswith(f"Usage: dltk {' '.join(path)}".rstrip())
    loaded = set(eval(done.stderr.splitlines()[-1]))
    assert not loaded & HEAVY


def test_commands_are_listed_in_sections(dltk):
    result = dltk("--help")
    for title, members in SECTIONS.items():
        assert f"\n{title}:\n" in result.out
        assert all(f"\n  {command.name} " in result.out for command in members)


@pytest.mark.parametrize("name", [name for (name, *rest), _ in commands() if not rest])
def test_every_command_shows_two_examples(name):
    assert cli.commands[name].epilog.count("\n  ") >= 2


def recipe_of(path):
    """Return the recipe behind a command."""
    if path[0] == "train":
        name = "_".join(path)
        return getattr(importlib.import_module(f"recipes.{name}"), name)
    if path[0] == "text":
        name = {"vectors": "train_vectors", "analogy": "analogy"}.get(path[1], f"{path[1]}_text")
        return getattr(importlib.import_module(f"recipes.{name}"), name)
    module = importlib.import_module(f"recipes.{path[0]}")
    return getattr(module, {"channel": "channels", "class": "classes"}.get(path[-1], path[-1]))


@pytest.mark.parametrize(
    "path",
    [
        *[(name,) for name in ("classify", "features", "detect", "segment", "caption", "evaluate")],
        *[(name,) for name in ("export", "finetune")],
        *[(name,) for name in ("stylize", "dream", "generate", "translate")],
        *[path for path, _ in commands() if path[0] in ("train", "visualize") and path[1:]],
        *[("text", name) for name in ("classify", "generate", "vectors", "analogy")],
    ],
    ids=" ".join,
)
def test_options_and_parameters_of_the_recipe_are_the_same(path):
    parameters = inspect.signature(recipe_of(path)).parameters
    defaults = {p.name: p.default for p in parameters.values() if p.kind is p.KEYWORD_ONLY}
    del defaults["report"]
    command = dict(commands())[path]
    options = {
        option.name: option
        for option in command.params
        if isinstance(option, click.Option) and option.expose_value
    }
    own = set(options) - ((BATCH | COMMAND.get(path[0], set())) - set(defaults))
    assert own == set(defaults)
    given = ["x.jpg" for each in command.params if isinstance(each, click.Argument)]
    required = [name for name in options if options[name].required]
    given += [word for name in required for word in (options[name].opts[0], "x.jpg")]
    chosen = command.make_context(path[-1], given).params
    for name in own - set(required):
        value, default = chosen[name], defaults[name]
        if name == "output" and default is None:
            continue  # a recipe writes nothing where its command has a folder of its own
        assert value in (default, (default,)), name


def test_defaults_that_differ_from_task_to_task_are_told():
    command = dict(commands())["text", "train"]
    options = {each.name: each for each in command.params if each.expose_value}
    chosen = command.make_context("train", ["x.csv"]).params
    told = {}
    for task in ("classifier", "generator"):
        name = f"train_text_{task}"
        recipe = getattr(importlib.import_module(f"recipes.{name}"), name)
        parameters = inspect.signature(recipe).parameters.values()
        told[task] = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}
    known = set().union(*told.values()) - {"report"}
    assert set(options) == known | {"data", "task", "as_json", "quiet"}
    for name in known:
        defaults = [each[name] for each in told.values() if name in each]
        if chosen[name] is not None:
            assert set(defaults) == {chosen[name]}, name
            continue
        first, *others = dict.fromkeys(map(str, defaults))
        if first not in ("None", "") and name not in ("lr", "size", "vocabulary"):  # told in words
            wanted = f"[default: {first}" + "".join(f", to generate {each}" for each in others)
            assert f"{wanted}]" in options[name].help, name


def test_made_texts_are_written_once(dltk, tmp_path):
    result = dltk("samples", tmp_path / "texts", "--texts")
    names = ["who-acts.csv", "opinions.csv", "analogies.txt", "analogies-questions.txt"]
    assert result.code == 0 and result.out.split() == [str(tmp_path / "texts" / n) for n in names]
    head, *rows = (tmp_path / "texts" / "who-acts.csv").read_text().splitlines()
    assert head == "text,label,split" and len(rows) == len(set(rows)) > 1000
    assert len((tmp_path / "texts" / "analogies.txt").read_text().splitlines()) == 20_000
    asked = (tmp_path / "texts" / "analogies-questions.txt").read_text().splitlines()
    assert asked[:2] == [": capital-countries", "paris france berlin germany"]
    assert len(asked) == 3 * 133
    (tmp_path / "texts" / "opinions.csv").write_text("mine")
    assert dltk("samples", tmp_path / "texts", "--texts").code == 0
    assert (tmp_path / "texts" / "opinions.csv").read_text() == "mine"


def test_a_wrong_option_is_a_usage_error_with_a_suggestion(dltk):
    result = dltk("classify", "x.jpg", "--topp", 3)
    assert result.code == 2
    assert "No such option" in result.err and "--top" in result.err


def test_an_unknown_model_suggests_the_nearest(dltk, photos):
    result = dltk("classify", photos, "-m", "efficientnet-lite00")
    assert result.code == 2
    assert result.err.count("\n") == 1
    assert 'unknown model "efficientnet-lite00". Did you mean "efficientnet-lite0"?' in result.err


def test_missing_weights_without_a_network_end_with_4(dltk, photos):
    result = dltk("classify", photos, "-m", "ResNet50", "--offline")
    assert result.code == 4
    assert result.err.count("\n") == 1
    for part in ("resnet50_weights", "switched off", "by hand", "-m efficientnet-lite0"):
        assert part in result.err


def test_a_traceback_comes_only_with_debug(dltk, tmp_path):
    plain = dltk("classify", tmp_path / "none")
    assert plain.code == 2 and plain.err == f"error: no such file or folder: {tmp_path}/none\n"
    with pytest.raises(Exception, match="no such file"):
        dltk("classify", tmp_path / "none", "--debug")


@pytest.mark.parametrize(("flags", "count"), [((), 8), (("--styles",), 3)])
def test_samples_are_written_with_their_attribution(dltk, tmp_path, flags, count):
    result = dltk("samples", tmp_path / "samples", *flags)
    written = sorted(path.name for path in (tmp_path / "samples").iterdir())
    assert result.code == 0 and len(written) == count and "ATTRIBUTION.md" in written
    text = (tmp_path / "samples/ATTRIBUTION.md").read_text()
    assert all(name in text for name in written if name.endswith(".jpg"))


def test_made_pictures_are_written_by_class(dltk, tmp_path):
    result = dltk("samples", tmp_path / "made", "--shapes", 13)
    folders = sorted(path.name for path in (tmp_path / "made").iterdir())
    assert folders == ["circle", "cross", "ring", "square", "star", "triangle"]
    assert result.out.split() == [str(tmp_path / "made" / name) for name in folders]
    assert len(list((tmp_path / "made").rglob("*.jpg"))) == 13


def test_handwritten_digits_are_written_by_class_with_their_attribution(dltk, tmp_path):
    result = dltk("samples", tmp_path / "digits", "--digits")
    assert result.out.split() == [str(tmp_path / "digits" / str(digit)) for digit in range(10)]
    assert len(list((tmp_path / "digits").rglob("*.png"))) == 1797
    assert "CC BY 4.0" in (tmp_path / "digits/ATTRIBUTION.md").read_text()
    with Image.open(tmp_path / "digits/0/0000.png") as zero:
        assert zero.size == (28, 28) and zero.mode == "L"
        assert zero.getpixel((14, 14)) == 0 and zero.getpixel((10, 5)) > 128  # a ring of ink
    both = dltk("samples", tmp_path / "both", "--digits", "--shapes", 6)
    assert both.code == 2 and "--shapes and --digits write different things" in both.err


def test_samples_leave_what_is_there(dltk, tmp_path):
    (tmp_path / "cat.jpg").write_text("mine")
    dltk("samples", tmp_path)
    assert (tmp_path / "cat.jpg").read_text() == "mine"


def test_a_copied_recipe_runs(dltk, tmp_path, photos):
    assert dltk("recipes", "copy", "classify", tmp_path / "mine.py").code == 0
    code = "import mine; print([r.labels[0].name for r in mine.classify('photos/espresso.jpg')])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.stdout == "['espresso']\n", done.stderr
    again = dltk("recipes", "copy", "classify", tmp_path / "mine.py")
    assert again.code == 2 and "is there already" in again.err
    assert 'Did you mean "classify"' in dltk("recipes", "copy", "clasify").err


def test_recipes_are_listed_with_what_they_do(dltk):
    listed = dict(line.split(maxsplit=1) for line in dltk("recipes", "list").out.splitlines())
    assert listed["classify"].startswith("Label pictures")
    assert listed["train_text_classifier"].startswith("Train a text classifier")


def test_models_list_knows_all_of_keras_and_the_packages(dltk):
    listed = json.loads(dltk("models", "list", "--json").out)
    names = {entry["name"] for entry in listed}
    assert len(names) == 51
    assert {"efficientnet-lite0", "vgg16-hed", "resnet50", "convnextxlarge"} <= names
    local = json.loads(dltk("models", "list", "--local", "--json").out)
    assert {"efficientnet-lite0", "vgg16-hed"} <= {entry["name"] for entry in local}
    assert all(entry["state"] == "here" for entry in local)
    assert "resnet50 " in dltk("models", "list", "RESNET").out


def test_every_classifier_of_keras_is_in_the_catalog():
    import keras

    from dltk.models.catalog import lookup

    builders = [
        name for name, value in vars(keras.applications).items() if inspect.isfunction(value)
    ]
    assert len(builders) >= 38
    for name in builders:
        assert lookup(name).builder == f"keras.applications:{name}"


def test_models_info_describes_a_name(dltk):
    facts = json.loads(dltk("models", "info", "efficientnet-lite0", "--json").out)
    assert facts["classes"] == 1000 and facts["top1"] == 75.1
    assert facts["input"] == "224 × 224 RGB, centre crop of 87.5%, bilinear"


def test_models_layers_lists_what_can_be_asked_for(dltk):
    out = dltk("models", "layers", "efficientnet-lite0").out
    assert "head_relu" in out and "7 × 7 × 1280" in out and "(taken by default)" in out


def test_doctor_tells_versions_devices_and_choices(dltk):
    facts = json.loads(dltk("doctor", "--json").out)
    assert facts["packages"]["keras"] and facts["engine"] in ("litert", "keras")
    assert "efficientnet-lite0" in facts["networks ready"]
    assert facts["precision"] == "float32"
    assert dltk("doctor").out.startswith("dltk")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_are_printed(dltk, shell):
    result = dltk("completion", shell)
    assert result.code == 0 and "_DLTK_COMPLETE" in result.out


@pytest.mark.parametrize(
    "recipe", ["classify", "detect", "evaluate", "features", "segment", "caption", "generate"]
)
def test_recipes_that_predict_are_imported_without_tensorflow(recipe):
    """Its import takes longer than what they do on a CPU."""
    code = f"import sys, recipes.{recipe}; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_names_of_models_are_completed():
    from dltk.cli.options import complete_model

    names = complete_model(None, None, "efficientnet-l")
    assert names == ["efficientnet-lite0", "efficientnet-lite1", "efficientnet-lite2"]


def test_the_recipes_are_reached_from_dltk_when_touched():
    code = (
        "import sys, dltk; assert 'numpy' not in sys.modules;"
        "from recipes.classify import classify; print(dltk.classify is classify)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "True\n", done.stderr
