"""Have raw images ready: render the twin's, or list the folders of real ones.

    python -m stages.raw_images

Reads data/plan/raw_images.json and, for real data, its folders, fetched first where they are at
s3://. Writes data/source_images/: for the twin human36m/, coco/ and mpii/ in the originals' raw
layouts, for real data manifest.json with the name, size and hash of every file, on which later
stages depend; missing.json where the data comes without images.
"""

from pathlib import Path
from typing import Any

from gsam.configs import build
from gsam.storage import atomic_directory, write_json
from gsam.twin.config import TwinConfig
from gsam.twin.images.config import TwinImagesConfig
from pipelines.raw_fetch import local_folder
from stages.common import planned, progress, run_stage
from stages.paths import SOURCE_IMAGES
from stages.raw import manifest
from stages.raw_names import RAW_FILES
from stages.sound import require_sound

DATASETS = ("human36m", "coco", "mpii")


def main(arguments: list[str]) -> str:
    """Write data/source_images; returns the summary line."""
    plan = planned("raw_images")
    with atomic_directory(SOURCE_IMAGES) as out:
        if plan["data"] == "twin":
            return _render(out, plan)
        if plan["data"] == "archives":
            listed = {name: listing(name, plan["folders"][name]) for name in DATASETS}
            write_json(out / "manifest.json", listed)
            found = [f"{name} {len(listed[name]['files'])} files" for name in DATASETS]
            return f"archives  {'  '.join(found)}"
        reason = f"data={plan['data']} comes without images"
        write_json(out / "missing.json", {"reason": reason})
        return f"no images: {reason}"


def _render(out: Path, plan: dict[str, Any]) -> str:
    from pipelines.render import render_twin

    twin = build(TwinConfig, plan["twin"], "conf/dataset/twin.yaml")
    images = build(TwinImagesConfig, plan["images"], "conf/scale: images")

    def shown(rows: Any, total: int) -> Any:
        return progress(rows, "render", total)

    done = render_twin(out, twin, images, progress=shown)
    return f"twin  {'  '.join(f'{name} {count} images' for name, count in done.items())}"


def listing(dataset: str, location: str) -> dict[str, Any]:
    """The manifest of the dataset's images and labels, in a folder or at s3://."""
    with local_folder(location, *RAW_FILES[dataset]) as folder:
        files = image_files(dataset, folder)
        if files and dataset != "human36m":
            # Human3.6M's videos are looked at with its poses, by the raw stage.
            require_sound(dataset, folder)
        return manifest(location, folder, files)


def image_files(dataset: str, folder: Path) -> list[Path]:
    """The dataset's images and labels in its raw folder.

    None where the folder is absent: the stage that wants them says who grants them. Human3.6M's
    other files are the raw stage's.
    """
    found = folder.glob("S*/[Vv]ideos/*") if dataset == "human36m" else folder.rglob("*")
    return sorted(path for path in found if path.is_file() and path.name != "README.md")


if __name__ == "__main__":
    run_stage(main)
