"""What is wrong with being commanded, told as findings. See edge/findings.py."""

from edge.findings import Finding


def local_findings(fault: str | None) -> list[Finding]:
    """There is no socket for control on the spot."""
    if fault is None:
        return []
    return [
        Finding(
            code="local_control_off",
            severity="warning",
            component="local",
            text=f"nobody on the spot can control this unit: {fault}",
            action="see who may write state_dir, and what lies there under that name",
        )
    ]
