"""How much of one file is too much; every limit is a setting, none is ever applied silently."""

from pydantic import BaseModel, ConfigDict, Field


class Limits(BaseModel):
    """The key `limits` of fbbatch.yaml; sizes in bytes, times in seconds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    file_bytes: int = Field(default=25_000_000, ge=1, description="largest file that is read")
    zip_entries: int = Field(default=1_000, ge=1, description="entries in one Office file")
    zip_part_bytes: int = Field(default=128_000_000, ge=1, description="one part of an Office file, unpacked")
    zip_total_bytes: int = Field(default=256_000_000, ge=1, description="an Office file, unpacked")
    zip_ratio: int = Field(default=100, ge=2, description="unpacked : packed, for parts above 100 KiB")
    sheets: int = Field(default=50, ge=1)
    rows: int = Field(default=100_000, ge=1, description="answers in one file")
    columns: int = Field(default=500, ge=1)
    cells: int = Field(default=2_000_000, ge=1, description="cells in one file")
    cpu_seconds: int = Field(default=20, ge=1, description="processor time for one file")
    wall_seconds: int = Field(default=30, ge=1, description="waiting time for one file")
    memory_bytes: int = Field(default=1_500_000_000, ge=200_000_000, description="memory of one worker")
