"""The reader of LEAN's published figures, on sources of our own in LEAN's form."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.conformance import Figures, MissingError, Published, checked, differences, listed, source_of

SOURCES = {
    "First.cs": """
namespace QuantConnect.Algorithm.CSharp
{
    /// <summary>Mentions class Nothing : Else in passing.</summary>
    public class First : QCAlgorithm, IRegressionAlgorithmDefinition
    {
        public virtual long DataPoints => 123;
        public int AlgorithmHistoryDataPoints => -1;
        public AlgorithmStatus AlgorithmStatus => AlgorithmStatus.Running;
        public virtual Dictionary<string, string> ExpectedStatistics => new Dictionary<string, string>
        {
            {"Total Orders", "2"},
            {"Estimated Strategy Capacity", "$5600000.00"},
            {"OrderListHash", "0123456789abcdef"}
        };
    }

    public class Silent : QCAlgorithm
    {
    }
}
""",
    "Other.cs": """
    public class Second : First
    {
        public override long DataPoints => 7;
    }
""",
}


@pytest.fixture
def published(tmp_path: Path) -> Published:
    """The sources above, in files."""
    for name, text in SOURCES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return Published(tmp_path)


STATISTICS = {
    "Total Orders": "2",
    "Estimated Strategy Capacity": "$5600000.00",
    "OrderListHash": "0123456789abcdef",
}


def test_figures_are_read_from_a_class(published: Published) -> None:
    assert published.of("First") == Figures("Running", 123, -1, STATISTICS)


def test_what_a_class_does_not_say_its_base_says(published: Published) -> None:
    assert published.of("Second") == Figures("Running", 7, -1, STATISTICS)


@pytest.mark.parametrize("name", ["Silent", "Nothing", "Unheard"])
def test_without_figures_there_is_nothing_to_compare_with(published: Published, name: str) -> None:
    with pytest.raises(MissingError, match=f"no figures of {name}"):
        published.of(name)


def test_every_difference_is_told_and_what_is_not_published_is_not_compared() -> None:
    expected = Figures("Completed", 10, -1, {"Total Orders": "2", "Beta": "0"})
    equal = {"status": "Completed", "data_points": 10, "history_data_points": 5}
    assert (
        differences({**equal, "statistics": {"Total Orders": "2", "Beta": "0", "More": "1"}}, expected) == []
    )
    assert differences({"status": "RuntimeError", "statistics": {"Total Orders": "3"}}, expected) == [
        "status: 'RuntimeError', LEAN 'Completed'",
        "data_points: None, LEAN 10",
        "Total Orders: '3', LEAN '2'",
        "Beta: None, LEAN '0'",
    ]


def test_a_class_is_found_in_a_file_of_another_name(tmp_path: Path) -> None:
    (tmp_path / "other.py").write_text("class Renamed(QCAlgorithm):\n    pass\n", encoding="utf-8")
    assert source_of("Renamed", tmp_path) == tmp_path / "other.py"
    with pytest.raises(MissingError, match="no class Rename"):
        source_of("Rename", tmp_path)


def test_a_missing_checkout_or_data_folder_is_said_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="make conformance LEAN="):
        checked(tmp_path, tmp_path)
    for folder in ("Algorithm.Python", "Algorithm.CSharp"):
        (tmp_path / folder).mkdir()
    with pytest.raises(MissingError, match="make conformance DATA="):
        checked(tmp_path, tmp_path)


def test_the_list_names_each_class_once_with_its_rung() -> None:
    rows = listed()
    assert len(rows) == 50
    assert set(rows.values()) == {"1", "2", "3", "6", "7", "8", "9", "10", "12", "14", "16", "19"}
