#!/usr/bin/env python3
"""A bureau's client of the mesh (部门客户端): sends batches, fetches referrals and verifications, answers them.

Whatever is refused is told by row, field and reason, in Chinese and English. Sending the same batch again is safe: its
number makes the request's id, and a repeat gets the first answer, so a cut is mended by sending again. So it is with
answers, whose ids are made of what they say.
"""

import argparse
import csv
import importlib
import io
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
# Around what stands in a cell.
BLANK = " \t\r\n\u00a0\u3000"
# Most in one request.
NAMES, ANSWERS = 100, 500


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
        from minqing.bureau.v1 import batch_pb2, exchange_service_pb2, exchange_service_pb2_grpc, verification_pb2
        self.exchange, self.batches, self.verifications = exchange_service_pb2, batch_pb2, verification_pb2
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
    columns = {name: (column.field, f"{column.column.header} {column.field}")
               for column in dataset.columns for name in (column.field, column.column.header)}
    message = message_factory.GetMessageClass(
        descriptor_pool.Default().FindMessageTypeByName(dataset.message_type))
    rows = []
    for row in read_lines(path, dataset.dataset.name, columns, message):
        packed = Any()
        packed.Pack(row)
        rows.append(packed)
    return rows


def read_lines(path: pathlib.Path, name: str, columns: dict, message) -> list:
    """The file's lines as messages. `columns` says of each header which field it fills and what the field is called."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Fault(f"{path}: not UTF-8; save it as CSV UTF-8 请另存为 UTF-8 编码的 CSV") from None
    rows = [[cell.strip(BLANK) for cell in row] for row in csv.reader(io.StringIO(text, newline="")) if row]
    headers = [columns.get(header) for header in rows[0]] if rows else []
    wrong = [str(at + 1) for at, column in enumerate(headers) if column is None or column in headers[:at]]
    if wrong:
        raise Fault(f"{path}: the first line must name columns of {name}, each once; wrong are columns "
                    f"首行应为列名，各一次，有误的是第几列: {', '.join(wrong)}")
    lines = []
    for number, row in enumerate(rows[1:], start=2):
        if len(row) > len(headers):
            raise Fault(f"{path}, line {number}: more cells than columns 单元格多于列名")
        line = message()
        for (field, label), cell in zip(headers, row):
            if cell:
                set_cell(line, field, cell, f"{path}, line {number}: {label}")
        lines.append(line)
    return lines


def set_cell(line, name: str, text: str, label: str) -> None:
    """Sets one field. What its type cannot hold is told here, and never the text: it may be a person's number."""
    field = line.DESCRIPTOR.fields_by_name[name]
    try:
        if field.type == field.TYPE_BOOL:
            wanted = "是 or 否"
            if text.lower() not in YES | NO:
                raise ValueError
            value = text.lower() in YES
        elif field.type == field.TYPE_ENUM:
            words = words_of(field.enum_type)
            wanted = "one of 应为其一: " + ", ".join(words)
            value = words.get(text.lower())
            if value is None:
                raise ValueError
        elif field.type == field.TYPE_STRING:
            value = text
        else:
            wanted = "a whole number 整数"
            value = int(text)
        setattr(line, name, value)
    except ValueError:
        raise Fault(f"{label} must be {wanted}") from None


def words_of(enum) -> dict:
    """An enum's values by their names without what all begin with."""
    prefix = enum.values_by_number[0].name[:-len("UNSPECIFIED")]
    return {value.name[len(prefix):].lower(): value.number for value in enum.values if value.number}


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
    fetch, sign = bureau.exchange.FetchReferralsRequest, bureau.exchange.AcknowledgeReferralsRequest
    return hand_out(bureau, options, "referral", (bureau.stub.FetchReferrals, fetch),
                    (bureau.stub.AcknowledgeReferrals, sign), "taken back, nothing has to be done 已撤回，无需办理")


def verifications(bureau: Bureau, options) -> int:
    fetch, sign = bureau.verifications.FetchVerificationsRequest, bureau.verifications.AcknowledgeVerificationsRequest
    return hand_out(bureau, options, "verification", (bureau.stub.FetchVerifications, fetch),
                    (bureau.stub.AcknowledgeVerifications, sign),
                    "called off, nothing may be looked up for it any more 已撤销，不得再查询")


def hand_out(bureau: Bureau, options, kind: str, fetch, sign, withdrawn: str) -> int:
    """Prints what waits as JSON lines: they hold people, so mind where it goes. Signs also for what was `withdrawn`:
    it is told until then. `fetch` and `sign` are a method and its request."""
    method, request = fetch
    asked = request(request_id=str(uuid.uuid4()), page_size=options.most)
    fetched = bureau.call(method, lambda: asked, kind)
    waiting = getattr(fetched, f"{kind}s")
    for one in waiting:
        fields = json_format.MessageToDict(one, preserving_proto_field_name=True)
        print(json.dumps(fields, ensure_ascii=False, separators=(",", ":")))
    for name in fetched.withdrawn:
        print(f"{name}: {withdrawn}", file=sys.stderr)
    if not options.sign:
        return 0
    # Printed first, signed second: what could not be printed comes again.
    sys.stdout.flush()
    method, request = sign
    refused = 0
    for names in cut([one.name for one in waiting] + list(fetched.withdrawn), NAMES):
        signed = request(request_id=str(uuid.uuid4()), operator=options.sign, **{f"{kind}s": names})
        for result in bureau.call(method, lambda: signed).results:
            if not result.accepted:
                refused += 1
                print(f"{getattr(result, kind)}: {result.message_zh} {result.message}", file=sys.stderr)
    return 1 if refused else 0


def answer(bureau: Bureau, options) -> int:
    """Reports decisions and aid."""
    contract = bureau.exchange
    return report(bureau, options, contract.FeedbackRecord, bureau.stub.ReportFeedback,
                  lambda asked, some: contract.ReportFeedbackRequest(request_id=asked, records=some),
                  lambda number, result: result.record_no)


def verify(bureau: Bureau, options) -> int:
    """Answers verifications. A line is told by its number: what else tells it apart is a person's."""
    contract = bureau.verifications
    return report(bureau, options, contract.VerificationAnswer, bureau.stub.AnswerVerification,
                  lambda asked, some: contract.AnswerVerificationRequest(request_id=asked, answers=some),
                  lambda number, result: f"line {number} 第{number}行")


def report(bureau: Bureau, options, message, method, request, label) -> int:
    """Sends a CSV file whose columns are the message's fields, and prints what became of each line."""
    kind = message.DESCRIPTOR
    columns = {field.name: (field.name, field.name) for field in kind.fields}
    lines = read_lines(options.file, kind.name, columns, message)
    if not lines:
        raise Fault(f"{options.file}: no lines to send 没有要发送的行")
    number, refused = 1, 0
    for some in cut(lines, ANSWERS):
        asked = uuid.uuid4() if options.anew else uuid.uuid5(uuid.NAMESPACE_URL, f"minqing/{kind.name}/{said(some)}")
        asking = request(str(asked), some)
        for result in bureau.call(method, lambda: asking).results:
            number += 1
            if result.accepted:
                print(f"{label(number, result)}: taken 已接收")
            else:
                refused += 1
                print(f"{label(number, result)}: {result.field}: {result.message_zh} {result.message}")
    return 1 if refused else 0


def said(lines) -> str:
    """What the lines say, the same in every client."""
    return "\n".join("\t".join(f"{field.name}={value}" for field, value in line.ListFields()) for line in lines)


def cut(many: list, most: int):
    return (many[at:at + most] for at in range(0, len(many), most))


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

    waiting = "as JSON lines; they hold people, so mind where it goes"
    for run, title in ((referrals, "转办"), (verifications, "核对")):
        command = commands.add_parser(run.__name__, help=f"fetch waiting {run.__name__} {waiting} 领取{title}")
        command.add_argument("--most", type=int, default=20, help="at most so many, 1 to 100")
        command.add_argument("--sign", metavar="USER", help="sign for them in this user's name 签收")
        command.set_defaults(run=run)

    columns = "from a CSV file whose columns are the fields of"
    for run, title in ((answer, f"report decisions and aid {columns} FeedbackRecord 反馈"),
                       (verify, f"answer verifications {columns} VerificationAnswer 答复核对")):
        command = commands.add_parser(run.__name__, help=title)
        command.add_argument("file", type=pathlib.Path)
        command.add_argument("--anew", action="store_true", help="ask anew instead of getting the first answer again, "
                             "as when the batch that was missing has been sent 重新提交")
        command.set_defaults(run=run)
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
