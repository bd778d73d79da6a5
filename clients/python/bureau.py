#!/usr/bin/env python3
"""A bureau's client of the mesh (部门客户端): sends batches, fetches referrals, answers them.

Whatever is refused is told by row, field and reason, in Chinese and English. Sending the same batch again is safe: its
number makes the request's id, and a repeat gets the first answer, so a cut is mended by sending again.
"""

import argparse
import csv
import importlib
import json
import pathlib
import subprocess
import sys
import time
import uuid

import grpc
from google.protobuf import descriptor_pool, json_format, message_factory
from google.protobuf.any_pb2 import Any

CUT = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED,
       grpc.StatusCode.ABORTED, grpc.StatusCode.RESOURCE_EXHAUSTED}
YES, NO = {"是", "true", "1", "y", "yes"}, {"否", "false", "0", "n", "no"}


class Fault(Exception):
    """Something the person at the keyboard can mend."""


def contracts(protos: pathlib.Path, made: pathlib.Path) -> None:
    """Makes Python modules of the contracts, once, and loads them all: then any dataset's message is known by name."""
    files = sorted(protos.rglob("*.proto"))
    if not files:
        raise Fault(f"no contracts below {protos}: --proto names the folder 找不到接口文件")
    newest = max(file.stat().st_mtime for file in files)
    stamp = made / "made"
    if not stamp.exists() or stamp.stat().st_mtime < newest:
        made.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "grpc_tools.protoc", "-I", protos, f"--python_out={made}",
                   f"--grpc_python_out={made}", *files]
        subprocess.run([str(part) for part in command], check=True)
        stamp.touch()
    sys.path.insert(0, str(made))
    for file in files:
        importlib.import_module(".".join(file.relative_to(protos).with_suffix("").parts) + "_pb2")


class Bureau:
    """Calls to the bureau's own adapter, over the gateway or straight."""

    def __init__(self, address: str, certificate: pathlib.Path, server_name: str, attempts: int) -> None:
        from minqing.bureau.v1 import batch_pb2, exchange_service_pb2, exchange_service_pb2_grpc
        self.exchange, self.batches = exchange_service_pb2, batch_pb2
        ca, key, cert = ((certificate / name).read_bytes() for name in ("ca.pem", "key.pem", "cert.pem"))
        options = [("grpc.ssl_target_name_override", server_name)]
        channel = grpc.secure_channel(address, grpc.ssl_channel_credentials(ca, key, cert), options)
        self.stub = exchange_service_pb2_grpc.ExchangeServiceStub(channel)
        self.attempts = attempts

    def call(self, method, request, purpose=None, timeout=600):
        """One call; `request` makes it anew for each attempt, with the same request id. A cut is tried again."""
        metadata = [("minqing-purpose", purpose)] if purpose else []
        for attempt in range(1, self.attempts + 1):
            try:
                return method(request(), metadata=metadata, timeout=timeout)
            except grpc.RpcError as error:
                if error.code() not in CUT or attempt == self.attempts:
                    raise
                pause = min(30, 2 ** (attempt - 1))
                print(f"{error.code().name}; again in {pause} s 中断，{pause} 秒后重发", file=sys.stderr)
                time.sleep(pause)

    def datasets(self):
        """Every dataset that this adapter takes, and how much at once."""
        found, token = [], ""
        while True:
            page = self.call(self.stub.ListDatasets, lambda: self.exchange.ListDatasetsRequest(page_token=token))
            found.extend(page.datasets)
            token = page.next_page_token
            if not token:
                return found, page.limits

    def send(self, path: pathlib.Path, options) -> object:
        """Sends a CSV file as one batch."""
        described, limits = self.datasets()
        dataset = next((d for d in described if d.dataset.name == options.dataset), None)
        if dataset is None:
            names = ", ".join(d.dataset.name for d in described)
            raise Fault(f"no dataset {options.dataset}; there are 没有这个数据集，可用的有: {names}")
        rows = read_rows(path, dataset)
        from minqing.types.v1 import types_pb2 as types
        batch_no = options.batch_no or path.stem
        header = self.exchange.BatchHeader(
            request_id=str(uuid.uuid5(uuid.NAMESPACE_URL, f"minqing/{dataset.message_type}/{batch_no}")),
            batch_no=batch_no, dataset=options.dataset, division_code=options.division, as_of=options.as_of,
            mode=types.BATCH_MODE_SNAPSHOT if options.snapshot else types.BATCH_MODE_CHANGES, row_count=len(rows))

        def parts():
            yield self.exchange.SubmitBatchRequest(header=header)
            for some in pieces(rows, limits):
                yield self.exchange.SubmitBatchRequest(rows=self.exchange.BatchRows(rows=some))

        return self.call(self.stub.SubmitBatch, parts)


def pieces(rows, limits):
    """Rows in messages as large as the adapter takes."""
    some, size = [], 0
    for row in rows:
        length = row.ByteSize() + 8
        if some and (len(some) == limits.rows_per_message or size + length > limits.bytes_per_message):
            yield some
            some, size = [], 0
        some.append(row)
        size += length
    if some:
        yield some


def read_rows(path: pathlib.Path, dataset) -> list:
    """The file's rows as the dataset's messages. Columns may be named as in the contract or by their Chinese header."""
    columns = {name: column for column in dataset.columns for name in (column.field, column.column.header)}
    message = message_factory.GetMessageClass(
        descriptor_pool.Default().FindMessageTypeByName(dataset.message_type))
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        unknown = [name for name in reader.fieldnames or [] if name not in columns]
        if unknown:
            raise Fault(f"{path}: no column {', '.join(unknown)} in {dataset.dataset.name} 表头不在数据集里")
        rows = []
        for line, cells in enumerate(reader, start=2):
            row = message()
            for name, text in cells.items():
                if text:
                    set_cell(row, columns[name], text.strip(), f"{path}, line {line}")
            packed = Any()
            packed.Pack(row)
            rows.append(packed)
        return rows


def set_cell(row, column, text: str, place: str) -> None:
    """Sets one field. What is no number or no yes or no is told here: the message cannot hold it."""
    field = row.DESCRIPTOR.fields_by_name[column.field]
    try:
        if field.type == field.TYPE_BOOL:
            if text.lower() not in YES | NO:
                raise ValueError
            value = text.lower() in YES
        elif field.type == field.TYPE_STRING:
            value = text
        else:
            value = int(text)
    except ValueError:
        wanted = "是 or 否" if field.type == field.TYPE_BOOL else "a whole number 整数"
        raise Fault(f"{place}: {column.column.header} {column.field} must be {wanted}") from None
    setattr(row, column.field, value)


def show_datasets(bureau: Bureau, _) -> int:
    for dataset in bureau.datasets()[0]:
        print(f"{dataset.dataset.name}\t{dataset.dataset.title}")
        for column in dataset.columns:
            need = "required 必填" if column.column.required else ""
            codes = "/".join(code.standard for code in column.codes)
            print(f"    {column.field}\t{column.column.header}\t{need}\t{codes}")
    return 0


def send(bureau: Bureau, options) -> int:
    """Exit 0 when every row was taken, 1 when some were refused."""
    answer = bureau.send(options.file, options)
    batch = answer.batch
    print(f"{batch.batch_no}: sent {batch.sent} 报送, accepted {batch.accepted} 接收, refused {batch.refused} 退回, "
          f"changed {batch.changed} 变化")
    for error in answer.errors:
        print(f"  row {error.row} 第{error.row}行 {error.header} {error.field}: {error.message_zh} {error.message}")
    receipt = options.receipt or options.file.with_name(options.file.name + ".receipt.json")
    receipt.write_text(json_format.MessageToJson(answer.receipt), encoding="utf-8")
    print(f"receipt 回执: {receipt}")
    return 1 if batch.refused else 0


def withdraw(bureau: Bureau, options) -> int:
    """Takes a batch back with all that it did. Asked again, it answers the first withdrawal."""
    asked = str(uuid.uuid5(uuid.NAMESPACE_URL, "minqing/withdraw/" + options.batch))
    withdrawal = bureau.call(bureau.stub.WithdrawBatch, lambda: bureau.batches.WithdrawBatchRequest(
        request_id=asked, batch=options.batch, reason=options.reason, operator=options.user)).withdrawal
    print(f"{options.batch}: withdrawn 已撤回, records {withdrawal.records} 条记录, "
          f"older batches to send again {withdrawal.overridden} 批需重报")
    return 0


def referrals(bureau: Bureau, options) -> int:
    """Prints the waiting referrals as JSON lines: they hold people, so mind where it goes."""
    asked = str(uuid.uuid4())
    waiting = bureau.call(
        bureau.stub.FetchReferrals,
        lambda: bureau.exchange.FetchReferralsRequest(request_id=asked, page_size=options.most), "referral").referrals
    for referral in waiting:
        print(json.dumps(json_format.MessageToDict(referral, preserving_proto_field_name=True), ensure_ascii=False))
    if not waiting or not options.sign:
        return 0
    signing = str(uuid.uuid4())
    results = bureau.call(bureau.stub.AcknowledgeReferrals, lambda: bureau.exchange.AcknowledgeReferralsRequest(
        request_id=signing, referrals=[referral.name for referral in waiting], operator=options.sign)).results
    for result in results:
        if not result.accepted:
            print(f"{result.referral}: {result.message_zh} {result.message}", file=sys.stderr)
    return 0 if all(result.accepted for result in results) else 1


def answer(bureau: Bureau, options) -> int:
    """Reports decisions and aid from a CSV file whose columns are the fields of FeedbackRecord."""
    with options.file.open(encoding="utf-8-sig", newline="") as file:
        records = []
        for line, cells in enumerate(csv.DictReader(file), start=2):
            told = {name: text.strip() for name, text in cells.items() if text and text.strip()}
            if "decision" in told:
                told["decision"] = "FEEDBACK_DECISION_" + told["decision"].upper()
            try:
                records.append(json_format.ParseDict(told, bureau.exchange.FeedbackRecord()))
            except json_format.ParseError as error:
                raise Fault(f"{options.file}, line {line}: {error}") from None
    asked = str(uuid.uuid5(uuid.NAMESPACE_URL, "minqing/feedback/" + "/".join(r.record_no for r in records)))
    results = bureau.call(bureau.stub.ReportFeedback, lambda: bureau.exchange.ReportFeedbackRequest(
        request_id=asked, records=records)).results
    for result in results:
        if result.accepted:
            print(f"{result.record_no}: taken 已接收")
        else:
            print(f"{result.record_no}: {result.field}: {result.message_zh} {result.message}")
    return 0 if all(result.accepted for result in results) else 1


def arguments() -> argparse.ArgumentParser:
    here = pathlib.Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--address", required=True, help="the gateway's or the adapter's host:port")
    parser.add_argument("--certificate", required=True, type=pathlib.Path, help="folder with ca.pem, cert.pem, key.pem")
    parser.add_argument("--server-name", default="gateway", help="name in the server's certificate")
    parser.add_argument("--proto", type=pathlib.Path, default=here.parent.parent / "proto", help="folder of contracts")
    parser.add_argument("--made", type=pathlib.Path, default=here / "made", help="where their modules are made")
    parser.add_argument("--attempts", type=int, default=6, help="how often a call that was cut is tried")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = commands.add_parser("datasets", help="what may be sent: datasets, columns, codes 数据集目录")
    command.set_defaults(run=show_datasets)

    command = commands.add_parser("send", help="send a CSV file as one batch 报送一批")
    command.add_argument("file", type=pathlib.Path)
    command.add_argument("--dataset", required=True, help="name as `datasets` shows it")
    command.add_argument("--division", required=True, help="county that the batch covers, 6 digits")
    command.add_argument("--as-of", required=True, help="day on which the data stood, YYYY-MM-DD")
    command.add_argument("--snapshot", action="store_true", help="all there is, not only what changed 全量")
    command.add_argument("--batch-no", help="the bureau's own number; the file's name when not given")
    command.add_argument("--receipt", type=pathlib.Path, help="where the signed receipt goes; beside the file")
    command.set_defaults(run=send)

    command = commands.add_parser("withdraw", help="take a batch back with all that it did 撤回一批")
    command.add_argument("batch", help="the bureau's own number, or batches/… where several have it")
    command.add_argument("--reason", required=True, help="why, without anything of a person")
    command.add_argument("--user", required=True, help="who answers for it")
    command.set_defaults(run=withdraw)

    command = commands.add_parser("referrals", help="fetch waiting referrals 领取转办")
    command.add_argument("--most", type=int, default=20, help="at most so many, 1 to 100")
    command.add_argument("--sign", metavar="USER", help="sign for them in this user's name 签收")
    command.set_defaults(run=referrals)

    command = commands.add_parser("answer", help="report decisions and aid from a CSV file 反馈")
    command.add_argument("file", type=pathlib.Path)
    command.set_defaults(run=answer)
    return parser


def main() -> int:
    options = arguments().parse_args()
    try:
        contracts(options.proto, options.made)
        return options.run(Bureau(options.address, options.certificate, options.server_name, options.attempts), options)
    except (Fault, OSError) as fault:
        print(fault, file=sys.stderr)
    except grpc.RpcError as error:
        print(f"{error.code().name}: {error.details()}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
