"""Numbers that are usual amounts of processors, memory, and storage, and in which unit."""

from __future__ import annotations

CPUS = {
    1, 2, 3, 4, 5, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 28, 32, 36, 40, 44, 48, 52, 56, 60, 64, 72, 80, 96, 104,
    112, 128, 160, 192, 256,
}  # fmt: skip
_MEMORY_GB = {
    1, 2, 3, 4, 6, 8, 10, 12, 16, 18, 20, 24, 32, 36, 40, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536,
    2048, 3072, 4096,
}  # fmt: skip
_DISK_GB = {
    16, 20, 30, 32, 40, 50, 60, 64, 70, 80, 90, 100, 111, 119, 120, 127, 128, 146, 150, 160, 180, 200, 223, 232,
    238, 240, 250, 256, 298, 300, 320, 350, 372, 400, 447, 450, 465, 476, 480, 500, 512, 550, 558, 600, 650, 700,
    750, 800, 894, 900, 931, 953, 960, 1000, 1024, 1100, 1117, 1200, 1397, 1500, 1536, 1600, 1788, 1800, 1863,
    1907, 1920, 2000, 2048, 2400, 2700, 2794, 3000, 3072, 3576, 3600, 3726, 3840, 4000, 4096, 5000, 5120, 5400,
    6000, 7452, 7680, 8000, 8192, 10000, 10240, 12000, 16000, 16384, 20000, 20480,
}  # fmt: skip


def share_in(numbers: list[float], typical: set[int]) -> float:
    """The share of numbers that are among the typical ones."""
    return sum(number in typical for number in numbers) / len(numbers) if numbers else 0.0


def memory_unit(numbers: list[float]) -> tuple[str, float]:
    """The unit in which numbers are likely amounts of memory, and the share that fits."""
    return _best_unit(numbers, _MEMORY_GB, {"GB": 1, "MB": 1024, "KiB": 1024**2, "bytes": 1024**3}, 1, 4096)


def disk_unit(numbers: list[float]) -> tuple[str, float]:
    """The unit in which numbers are likely amounts of storage, and the share that fits."""
    return _best_unit(
        numbers, _DISK_GB, {"GB": 1, "TB": 1 / 1024, "MB": 1024, "KiB": 1024**2, "bytes": 1024**3}, 8, 200_000
    )


def _best_unit(
    numbers: list[float], typical: set[int], factors: dict[str, float], least: float, most: float
) -> tuple[str, float]:
    """Units in which the middle of the numbers is a usual amount; typical amounts may be up to 7 % less or more."""
    found: tuple[str, float] = ("", 0.0)
    numbers = [number for number in numbers if number > 0]
    if not numbers:
        return found
    middle = sorted(numbers)[len(numbers) // 2]
    for unit, factor in factors.items():
        if not least <= middle / factor <= most:
            continue
        amounts = [number / factor for number in numbers]
        fits = sum(any(0.93 * size <= amount <= 1.03 * size for size in typical) for amount in amounts) / len(amounts)
        exact = sum(round(amount, 3) in typical for amount in amounts) / len(amounts)
        score = (0.5 * fits + 0.5 * exact) * (0.6 if unit == "TB" and middle < 9 else 1.0)
        if score > found[1] + 0.05:
            found = (unit, score)
    return found
