"""What is shipped is what is used: styles, icons, modules, fonts; every colour comes from the tokens."""

import json
import re
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "static"
CSS = {path.name: path.read_text() for path in (STATIC / "css").glob("*.css")}
JS = {path: path.read_text() for path in (STATIC / "js").rglob("*.js")}
HTML = {path: path.read_text() for path in (ROOT / "templates").rglob("*.html")}
FORMS = (ROOT / "dashboard" / "forms.py").read_text()
EVERYTHING = "\n".join([*JS.values(), *HTML.values(), FORMS])


def rules(css: str) -> str:
    """The sheet without comments and without what stands in quotes or addresses."""
    css = re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)
    return re.sub(r"url\([^)]*\)|\"[^\"]*\"", "", css)


def test_every_class_of_the_sheets_is_used():
    for name, css in CSS.items():
        selectors = re.sub(r"\{[^{}]*\}", " ", rules(css))
        for word in set(re.findall(r"\.([a-z][\w-]*)", selectors)):
            if name == "admin.css" and word.startswith("field-"):
                continue  # Django's own, one per column of a list
            assert re.search(rf"(?<![\w-]){word}(?![\w-])", EVERYTHING), f"{name}: .{word} is used by no page"


def test_the_app_of_the_lights_has_its_icons():
    manifest = json.loads((STATIC / "lights.webmanifest").read_text())
    assert manifest["start_url"].startswith(manifest["scope"]) and manifest["display"] == "standalone"
    for icon in manifest["icons"]:
        if icon["sizes"] == "any":
            assert (STATIC / icon["src"]).read_text().startswith("<svg")
        else:
            with Image.open(STATIC / icon["src"]) as picture:
                assert (icon["sizes"], icon["type"]) == ("{}x{}".format(*picture.size), "image/png")


def test_every_token_is_used_and_every_used_token_exists():
    everywhere = "\n".join([*CSS.values(), *JS.values(), *HTML.values()])
    defined = set(re.findall(r"(--[\w-]+)\s*:", CSS["tokens.css"]))
    used = set(re.findall(r"var\((--[\w-]+)", everywhere)) | set(
        re.findall(r'css\("(--[\w-]+)"\)', everywhere)
    )
    set_by_script = set(re.findall(r'setProperty\("(--[\w-]+)"', everywhere))
    assert defined - used == set()
    assert used - defined - set_by_script - {"--fill"} == set()


def test_only_the_tokens_name_a_colour():
    black_and_white = {"#000", "#fff"}
    named = {value.lower() for value in re.findall(r"#[0-9a-fA-F]{3,8}\b", CSS["tokens.css"])}
    for name, css in CSS.items():
        if name != "tokens.css":
            found = set(re.findall(r"#[0-9a-fA-F]{3,8}\b", rules(css))) - black_and_white
            # the multiply layer of the night theme; the admin is Django's and does not load the tokens
            allowed = {"#ff0000"} | (named if name == "admin.css" else set())
            assert found <= allowed, f"{name}: {found - allowed}"
    for path, script in JS.items():
        assert not re.search(r"[\"'`]#[0-9a-fA-F]{3,8}[\"'`]|rgba?\(", script), path


def test_night_tokens_are_red_only():
    night = CSS["tokens.css"].split('[data-theme="night"] {')[1].split("}")[0]
    colours = re.findall(r"#([0-9a-fA-F]{6})", night)
    assert len(colours) > 20 and all(colour[2:] == "0000" for colour in colours)
    day = CSS["tokens.css"].split('[data-theme="light"] {')[1].split("}")[0]
    assert set(re.findall(r"(--[\w-]+):", night)) == set(re.findall(r"(--[\w-]+):", day)), (
        "every theme has every colour"
    )


def test_every_icon_exists():
    symbols = set(re.findall(r'<symbol id="([\w-]+)"', (STATIC / "icons.svg").read_text()))
    asked = set(re.findall(r'{% icon "([\w-]+)" %}', EVERYTHING)) | set(
        re.findall(r'icon\("([\w-]+)"\)', EVERYTHING)
    )
    assert asked and asked <= symbols
    assert {f"s-{kind}" for kind in ("ok", "warn", "fault", "busy", "off", "stale", "info")} <= symbols


def test_every_import_of_a_module_leads_to_a_module_that_exports_it():
    imported = set()
    for path, script in JS.items():
        for names, target in re.findall(r'import \{([^}]*)\} from "([^"]+)"', script):
            assert target.startswith("."), f"{path}: modules come from here"
            module = (path.parent / target).resolve()
            for name in names.split(","):
                pattern = rf"export (?:async )?(?:const|function|class) {re.escape(name.strip())}(?!\w)"
                assert re.search(pattern, JS[module]), f"{path}: {name.strip()} of {target}"
            imported.add(module)
    loaded = {
        STATIC / address for page in HTML.values() for address in re.findall(r"static '(js/[^']+)'", page)
    }
    assert set(JS) == imported | loaded, "a module that no page loads"


def test_every_static_file_of_a_page_exists_and_nothing_else_is_shipped():
    asked = {address for page in HTML.values() for address in re.findall(r"{% static '([^']+)' %}", page)}
    assert all((STATIC / address).is_file() for address in asked)
    fonts = {
        (STATIC / "css" / address).resolve() for address in re.findall(r"url\(([^)]+)\)", CSS["tokens.css"])
    }
    vendored = {path for path in (STATIC / "vendor").rglob("*") if path.is_file()}
    loaded = {STATIC / address for address in asked}
    imported = {
        (path.parent / target).resolve()
        for path, script in JS.items()
        for target in re.findall(r'^import \w+ from "([^"]+)"', script, re.MULTILINE)
    }
    assert {path for path in vendored if path.name != "LICENSE"} == fonts | (vendored & (loaded | imported))
    for folder in (STATIC / "vendor").iterdir():
        assert (folder / "LICENSE").is_file(), f"{folder.name} without its licence"


def test_scripts_never_make_markup_of_text():
    for path, script in JS.items():
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", script
        ), path
