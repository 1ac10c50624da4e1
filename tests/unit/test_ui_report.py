"""A report can be shown to a colleague: alone, without a network, in both themes."""

import base64
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from datagen_nb.core.distribution import Distribution
from datagen_nb.core.errors import ArgumentTypeError, OutputError
from datagen_nb.core.evaluation import Detection, DrivingColumn, Measured, Membership, Utility
from datagen_nb.core.result import (
    ColumnFidelity,
    KeyFidelity,
    Memorisation,
    PairFidelity,
    PrivacyBudget,
    RelationFidelity,
    Report,
    ReturnedValues,
    Spending,
    TableFidelity,
)
from datagen_nb.ui.report import ReportView, report_html, report_panel
from datagen_nb.ui.report_charts import difference_map, distribution_chart, share_rows
from datagen_nb.ui.report_html import IN_NOTEBOOK
from datagen_nb.ui.report_verdicts import privacy, privacy_level, quality

HOSTILE = '<img src=x onerror="alert(1)">'

PRICES = Distribution(
    of="numbers", edges=(0, 10, 20, 40), input=(10, 0, 30), synthetic=(12, 2, 26), least=5
)
SIZES = PRICES.model_copy(update={"edges": (0, 1, 10, 100), "is_logarithmic": True})
DAYS = PRICES.model_copy(update={"of": "instants", "edges": (0, 86_400, 172_800, 345_600)})
CITIES = Distribution(
    of="categories",
    labels=("Rome", HOSTILE),
    input=(20, 10),
    synthetic=(22, 8),
    others=3,
    others_synthetic=2,
    missing=7,
    missing_synthetic=8,
    least=5,
)
NOTHING = Distribution(of="numbers", others=4, others_synthetic=4, least=5)
ALL = {"price": PRICES, "size": SIZES, "day": DAYS, "city": CITIES, HOSTILE: NOTHING}


def report(**changes) -> Report:
    columns = tuple(
        ColumnFidelity(
            name=name, kind="numeric", score=0.91, metric="KS complement", distribution=shown
        )
        for name, shown in ALL.items()
    )
    made = Report(
        fidelity=0.95,
        column_fidelity=0.95,
        pair_fidelity=0.97,
        columns=columns,
        pairs=(
            PairFidelity(
                columns=("price", HOSTILE),
                score=0.8,
                metric="correlation similarity",
                dependence=0.5,
                dependence_synthetic=0.37,
            ),
        ),
        memorisation=Memorisation(dcr_share=0.51, exact_row_share=0.0),
        rows_synthetic=40,
        rows_training=40,
        rows_held_back=30,
    )
    return made.model_copy(update=changes)


class Seen(HTMLParser):
    """The tags of a page, and that each is closed."""

    VOID = frozenset({"meta", "br", "img"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_a_page_needs_no_network_no_script_and_nothing_else(tmp_path):
    """And forbids itself to load anything."""
    path = ReportView(report()).to_html(tmp_path / "report.html", title=f"Prices {HOSTILE}")
    text = path.read_text()
    seen = Seen(text)
    names = {tag for tag, _ in seen.tags}
    assert not names & {"script", "img", "link", "iframe", "object", "use", "image", "a"}
    attributes = {name for _, attrs in seen.tags for name in attrs}
    assert not {name for name in attributes if name.startswith("on")}
    assert not attributes & {"src", "href", "xlink:href"}
    assert "url(" not in text
    assert "default-src 'none'" in text
    assert "color-scheme" in text


@pytest.mark.parametrize("name", ALL)
def test_a_chart_is_xml_and_says_what_it_shows(name):
    """A picture with words for those who do not see it."""
    chart = ElementTree.fromstring(distribution_chart(name, ALL[name]))
    assert chart.get("role") == "img"
    assert chart.get("aria-label", "").startswith(f"{name}: ")
    for box in chart.iter("rect"):
        assert float(box.get("height", "")) >= 0
        assert 0 <= float(box.get("x", "")) <= 280


def test_a_chart_shows_shares_and_what_is_beside_them():
    """Of all rows: those in ranges, of other values, without one."""
    assert share_rows(PRICES) == [
        ("up to 10", 0.25, 0.3),
        ("10 to 20", 0.0, 0.05),
        ("20 and more", 0.75, 0.65),
    ]
    assert share_rows(CITIES)[2:] == [("other values", 0.075, 0.05), ("missing", 0.175, 0.2)]
    assert share_rows(DAYS)[0][0] == "up to 1970-01-02"


def test_the_area_of_a_bar_is_its_share():
    """A range twice as wide is half as high."""
    chart = ElementTree.fromstring(distribution_chart("price", PRICES))
    areas = [float(box.get("width")) * float(box.get("height")) for box in chart.iter("rect")]
    assert areas[2] / areas[0] == pytest.approx(3, rel=0.01)


def test_a_map_says_which_way_a_dependence_differs():
    """By its sign too, no colour alone."""
    pairs = report().pairs
    turned = pairs[0].model_copy(update={"dependence_synthetic": -0.1})
    assert "−.13" in difference_map(pairs, ["price", HOSTILE])
    assert "−.60" in difference_map((turned,), ["price", HOSTILE])
    ElementTree.fromstring(difference_map(pairs, ["price", HOSTILE]))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "Quality good"),
        ({"fidelity": 0.85}, "Quality fair"),
        ({"fidelity": 0.5}, "Quality poor"),
        (
            {
                "relations": (
                    RelationFidelity(
                        sentence="a < b", share_input=1.0, share_synthetic=0.4, kept=False
                    ),
                )
            },
            "Quality fair",
        ),
    ],
)
def test_quality_is_a_word_and_what_to_do(changes, words):
    """Good needs no advice."""
    found = quality(report(**changes))
    assert found.words == words
    assert bool(found.advice) == ("relations" in changes)
    assert words in report_html(report(**changes))


def test_a_risk_says_not_to_pass_the_rows_on():
    """First of all."""
    returned = (ReturnedValues(column="name", kind="text", values=40, returned=12),)
    found = Memorisation(dcr_share=0.7, exact_row_share=0.0, returned=returned)
    verdict = privacy(report(memorisation=found))
    assert verdict.advice[0].startswith("Do not pass")
    assert "name" in verdict.advice[1]
    assert privacy(report()).words == "Privacy OK"


@pytest.mark.parametrize(("epsilon", "words"), [(1, "Privacy OK"), (20, "Privacy caution")])
def test_a_report_with_a_budget_claims_no_likeness_to_the_rows(epsilon, words):
    """It compares with noisy counts, and says so."""
    budget = PrivacyBudget(
        epsilon=epsilon,
        delta=1e-9,
        rho=0.02,
        spent=(Spending(purpose="columns", rho=0.01), Spending(purpose="pairs", rho=0.01)),
    )
    found = report(memorisation=Memorisation(budget=budget), pairs=(), fidelity=0.5)
    assert quality(found).words == "Quality not compared with your rows"
    assert privacy(found).words == words
    assert ("at most 10" in privacy(found).advice[0]) == (epsilon > 10)
    shown = report_html(found)
    assert "Fidelity to the noisy counts 50.0 %" in shown
    assert f"differentially private with epsilon {epsilon} and delta 1e-09" in shown
    assert "training rows" not in shown
    figures = ReportView(found).compare(found).frame()["figure"].tolist()
    assert not [figure for figure in figures if "training row" in figure]


def test_a_notebook_shows_some_charts_and_a_page_all(tmp_path):
    """The largest differences first; the rest is where it does not slow a notebook."""
    columns = tuple(
        ColumnFidelity(name=f"c{n}", kind="numeric", score=n / 100, metric="", distribution=PRICES)
        for n in range(60)
    )
    made = report(columns=columns, pairs=())
    assert report_html(made).count("<svg") == IN_NOTEBOOK
    assert f"The {IN_NOTEBOOK} of 60 columns" in report_html(made)
    assert ReportView(made).to_html(tmp_path / "all.html").read_text().count("<svg") == 60


def test_a_file_that_is_there_stays_if_that_is_wished(tmp_path):
    """As with download."""
    view, path = ReportView(report()), tmp_path / "report.html"
    path.write_text("mine")
    with pytest.raises(OutputError, match=re.escape(str(path))):
        view.to_html(path, overwrite=False)
    assert path.read_text() == "mine"
    assert view.to_html(path).read_text().startswith("<!DOCTYPE html>")


def test_a_report_is_a_frame_and_json():
    """The lowest scores first; the JSON is the report."""
    view = ReportView(report())
    frame = view.frame()
    assert list(frame["column"]) == list(ALL)
    assert frame.loc[3, "missing"] == pytest.approx(7 / 40)
    assert Report.from_wire(view.to_json()) == report()
    assert {"frame", "to_html", "to_json", "fidelity"} <= set(dir(view))


def test_two_reports_are_compared_figure_by_figure(tmp_path):
    """With which one is closer to what should be; as text, HTML, frame and page."""
    worse = report(fidelity=0.9, memorisation=Memorisation(dcr_share=0.6, exact_row_share=0.0))
    compared = ReportView(report()).compare(ReportView(worse))
    frame = compared.frame().set_index("figure")
    assert frame.loc["fidelity", "better"] == "first"
    assert frame.loc["closer to a training row (50 % is ideal)", "better"] == "first"
    assert frame.loc["exact copies", "better"] == frame.loc["price", "better"] == ""
    assert "Privacy caution" in compared._repr_html_()
    assert "<img" not in compared._repr_html_()
    assert "fidelity" in repr(compared)
    Seen(compared.to_html(tmp_path / "both.html").read_text())
    with pytest.raises(ArgumentTypeError, match=r"job\.report"):
        ReportView(report()).compare("report.html")


def test_columns_of_one_report_alone_come_last():
    """Two jobs may have other columns."""
    one = report()
    other = report(columns=one.columns[1:])
    compared = ReportView(one).compare(other)
    last = compared.columns[-1]
    assert (last.figure, last.second, last.better) == ("price", None, "")
    assert "<b><bdi>price</bdi></b>" not in compared._repr_html_()


def test_a_panel_has_a_link_that_saves_the_page():
    """The page is in it, so that it works without a kernel; a long one is for to_html."""
    [link] = [
        attrs for tag, attrs in Seen(report_panel(report(), "a/b: c").value).tags if tag == "a"
    ]
    assert link["download"] == "a-b- c-report.html"
    head, data = link["href"].split(",")
    assert head == "data:text/html;charset=utf-8;base64"
    assert "<title>Quality of a/b: c, synthetic</title>" in base64.b64decode(data).decode()
    wide = report(columns=report().columns * 100)
    assert "data:" not in report_panel(wide, "wide").value
    assert "to_html" in report_panel(wide, "wide").value


def test_several_tables_are_shown_with_what_holds_them_together():
    """Each key with its figures beside the input's, and each table with its score."""
    key = KeyFidelity(
        key="orders.customer -> customers.id",
        kept=1,
        missing=0,
        missing_synthetic=0,
        rows=4.1,
        rows_synthetic=3.9,
        without=0.05,
        without_synthetic=0.06,
        distance=0.02,
    )
    table = TableFidelity(
        name=HOSTILE, fidelity=0.91, rows_synthetic=10, rows_training=8, rows_held_back=2
    )
    shown = report(keys=(key,), tables=(table,))
    line = "100.0 % lead to a row; 3.9 rows for each (input 4.1), 6.0 % have none (5.0 %)."
    assert f"orders.customer -> customers.id: {line}" in repr(ReportView(shown))
    page = report_html(shown)
    assert line in page
    assert "91.0 %" in page
    assert HOSTILE not in page


def measured(mean: float, error: float = 0.01) -> Measured:
    return Measured(mean=mean, error=error)


def evaluated(auc: float = 0.57, kept: float = 0.96, attack: float = 0.5) -> Report:
    driving = [("price", 0.05), (HOSTILE, 0.04), ("city", 0.001)]
    return report(
        detection=Detection(
            auc=measured(auc),
            auc_real=measured(0.501),
            columns=[
                DrivingColumn(column=name, importance=measured(fall)) for name, fall in driving
            ],
            rows=40,
        ),
        utility=Utility(
            target=HOSTILE,
            metric="R²",
            score=measured(kept),
            score_real=measured(1.0),
            difference=measured(kept - 1),
            rows=32,
            rows_tested=30,
        ),
        membership=Membership(
            auc=measured(0.502),
            auc_fresh=measured(0.499),
            outliers_auc=measured(attack),
            outliers_auc_fresh=measured(0.503),
            rows=1_234,
            outliers=123,
        ),
    )


def test_what_was_measured_on_request_is_shown_beside_real_rows():
    """On the page and in the text, each with its noise, and the columns that drive it."""
    html, text = report_html(evaluated()), repr(ReportView(evaluated()))
    Seen(html)
    assert "Detection and utility" in html
    for shown in (html, text):
        for each in ("0.570 ± 0.010", "0.501 ± 0.010", "0.960 ± 0.010", "0.500 ± 0.010"):
            assert each in shown
    assert "1,234 rows of each side" in html
    assert HOSTILE not in html
    driving = html[html.index("Driving columns") :]
    driving = driving[: driving.index("standard error")]
    assert driving.index("price") < driving.index("onerror")
    assert "<bdi>city<" not in driving  # within its noise
    assert f"Driven by price, {HOSTILE}." in text


def test_what_was_not_asked_for_is_not_shown():
    """No empty heading."""
    html, text = report_html(report()), repr(ReportView(report()))
    for words in ("Detection", "Utility", "embership"):
        assert words not in html
        assert words not in text
    assert "detection_importance" not in ReportView(report()).frame()


def test_the_frame_says_how_much_a_column_drives_detection():
    """Of columns that took part."""
    frame = ReportView(evaluated()).frame().set_index("column")
    assert frame["detection_importance"]["price"] == 0.05
    assert frame["detection_importance"].isna().sum() == len(ALL) - 3


@pytest.mark.parametrize(
    ("auc", "kept", "words", "advice"),
    [
        (0.57, 0.96, "Quality good", None),
        (0.85, 0.96, "Quality fair", f"drive it: price, {HOSTILE}."),
        (0.97, 0.96, "Quality poor", "drive it"),
        (0.57, 0.85, "Quality fair", "Do not train models"),
        (0.57, 0.2, "Quality poor", "Do not train models"),
        (0.57, -1.0, "Quality poor", "Do not train models"),
    ],
)
def test_the_verdict_on_quality_goes_by_what_was_measured(auc, kept, words, advice):
    """The worst decides, and what to do is said."""
    verdict = quality(evaluated(auc, kept))
    assert verdict.words == words
    assert advice is None or any(advice in line for line in verdict.advice)


def test_the_verdict_on_privacy_goes_by_attacks():
    """As the card does; where nothing is closer than chance too."""
    for attack, words, level in (
        (0.5, "Privacy OK", "ok"),
        (0.58, "Privacy caution", "caution"),
        (0.7, "Privacy risk", "bad"),
    ):
        found = evaluated(attack=attack)
        verdict = privacy(found)
        assert verdict.words == words
        assert privacy_level(found) == level
        assert "attack" in verdict.reason
        assert any("preset to private" in line for line in verdict.advice) == (level != "ok")
        assert any("No copies were found" in line for line in verdict.advice) == (level == "ok")


def test_two_reports_are_compared_by_what_was_measured():
    """What one of them has not stays empty; another target is another line."""
    one, other = evaluated(auc=0.57), evaluated(auc=0.7)
    other = other.model_copy(
        update={"utility": other.utility.model_copy(update={"target": "city"}), "membership": None}
    )
    rows = ReportView(one).compare(other).frame().set_index("figure")
    found = rows.loc["detection, AUC (50 % is ideal)"]
    assert (found["first"], found["second"], found["better"]) == (0.57, 0.7, "first")
    assert rows.loc["utility for city, R²", ["first", "second"]].isna().tolist() == [True, False]
    assert rows.loc["the same of outlying rows", ["first", "second"]].isna().tolist() == [
        False,
        True,
    ]
