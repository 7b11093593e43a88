"""A folder in, a folder out: finding inputs, working ahead, the record, going on after a stop."""

from dltk.batch.inputs import Inputs, Item, find_inputs, gather
from dltk.batch.pipeline import batched, ordered_map
from dltk.batch.predict import predict
from dltk.batch.products import Products, check_unowned, plan_products
from dltk.batch.record import Record, has_record, to_line, write_csv
from dltk.batch.run import Tally, run_batch

__all__ = [
    "Inputs",
    "Item",
    "Products",
    "Record",
    "Tally",
    "batched",
    "check_unowned",
    "find_inputs",
    "gather",
    "has_record",
    "ordered_map",
    "plan_products",
    "predict",
    "run_batch",
    "to_line",
    "write_csv",
]
