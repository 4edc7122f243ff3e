"""Train the router's classifier, and measure it.

    python -m bench.routing train     cross-validated figures; writes assent/routing/router.npz
    python -m bench.routing           accuracy on what is held back, time for each text, and memory

To reach on texts that were not used: 95 % right of those routed, 75 % routed, the right one among three in 93 %, at
most 15 % of out-of-scope texts routed; 30 ms for a text (95th percentile) and 120 MiB.
"""

from __future__ import annotations

import argparse

from bench.routing.requests import development, held_back, unlike, written


def train() -> None:
    """Print figures for each author by models trained on the others, then train on all, and write the arrays."""
    from assent.routing import classifier
    from bench.routing import training

    known = development()
    everything = written()
    own = unlike(everything, [*known, *held_back()])
    dropped = len(everything) - len(own)
    print(f"{len(own)} written requests ({dropped} too similar to others dropped), {len(known)} more")
    judged = training.across_authors([*own, *known])
    calibration = training.calibrate(judged)
    threshold = training.choose_threshold(judged, calibration)
    print(f"\nTrained on the other authors, scored on this one (confidence of at least {threshold:.2f}):")
    for author in dict.fromkeys(one.request.author for one in judged):
        of_author = [one for one in judged if one.request.author == author]
        if all(one.request.workflow == classifier.NONE for one in of_author):
            outside = training.figures(of_author, calibration, threshold).outside_routed
            print(f"  {author:<12} out of scope routed {outside:.1%}, and nothing else")
            continue
        print(f"  {author:<12}", training.figures(of_author, calibration, threshold))
    training.write(training.fit([*own, *known]), calibration, threshold, classifier.FILE)
    print(f"\nWrote {classifier.FILE.name}, {classifier.FILE.stat().st_size / 1024:.0f} KiB.")


def main() -> None:
    """Run what the arguments say."""
    parser = argparse.ArgumentParser(prog="python -m bench.routing", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("action", nargs="?", choices=("train", "measure"), default="measure")
    if parser.parse_args().action == "train":
        train()
    else:
        from bench.routing.measuring import measure

        measure()


if __name__ == "__main__":
    main()
