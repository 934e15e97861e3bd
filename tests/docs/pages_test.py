"""Checks the pages against this tree: their links, and the files that they name."""
import os
import pathlib
import re
import unittest

ROOT = pathlib.Path(os.environ["SOURCE_ROOT"])
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def prose(page: pathlib.Path) -> str:
    """The page without its code blocks, whose brackets are no links and whose comments are no headings."""
    return re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)


def anchors(page: pathlib.Path) -> set[str]:
    """The anchors of a page's headings, as links name them."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


class Links(unittest.TestCase):
    def test_links_lead_to_files_and_headings(self):
        links = 0
        for page in PAGES:
            for link in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
                if link.startswith(("https://", "http://")):
                    continue
                path, _, heading = link.partition("#")
                target = (page.parent / path).resolve() if path else page
                with self.subTest(page=str(page.relative_to(ROOT)), link=link):
                    links += 1
                    self.assertTrue(target.exists(), "there is no such file")
                    if heading:
                        self.assertIn(heading, anchors(target), "there is no such heading")
        self.assertGreater(links, 100)

    def test_every_decision_is_in_the_index(self):
        folder = ROOT / "docs/decisions"
        index = (folder / "README.md").read_text()
        for record in sorted(folder.glob("0*.md")):
            with self.subTest(record=record.name):
                number, title = re.match(r"# (\d+)\. (.*)\n", record.read_text()).groups()
                self.assertIn(f"| [{int(number):04d}]({record.name}) | {title} |", index)

    def test_the_files_that_pages_name_exist(self):
        folders = [ROOT, ROOT / "lib", ROOT / "lib/include", ROOT / "apps", ROOT / "proto", ROOT / "tests/interop", ROOT / "docs/examples/station"]
        names = 0
        for page in PAGES:
            files = set(re.findall(r"`([\w./-]+\.(?:cc|h|py|mod|proto|xml|json|txt|build))`", prose(page)))
            if page.name != "architecture.md":
                files = {file for file in files if "/" in file}  # others may be files of the reader
            for file in sorted(files):
                with self.subTest(page=str(page.relative_to(ROOT)), file=file):
                    names += 1
                    source = file.replace(".ringrpc.h", ".proto")  # from which it is generated
                    self.assertTrue(any((folder / source).exists() for folder in [page.parent, *folders]), "there is no such file")
        self.assertGreater(names, 150)


if __name__ == "__main__":
    unittest.main()
