import com.google.protobuf.Any;
import com.google.protobuf.DescriptorProtos.FileDescriptorProto;
import com.google.protobuf.DescriptorProtos.FileDescriptorSet;
import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.DescriptorValidationException;
import com.google.protobuf.Descriptors.EnumDescriptor;
import com.google.protobuf.Descriptors.EnumValueDescriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Descriptors.FileDescriptor;
import com.google.protobuf.DynamicMessage;
import com.google.protobuf.Message;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import minqing.bureau.v1.Dataset.DatasetDescription;
import org.apache.commons.csv.CSVFormat;
import org.apache.commons.csv.CSVParser;

/** Lines of a CSV file as messages, also of a dataset that is known from its description alone. */
final class Rows {
    private static final Set<String> YES = Set.of("是", "true", "1", "y", "yes");
    private static final Set<String> NO = Set.of("否", "false", "0", "n", "no");
    private static final Pattern BLANK = Pattern.compile("^[ \\t\\r\\n\u00a0\u3000]+|[ \\t\\r\\n\u00a0\u3000]+\\z");

    private Rows() {}

    /** What the person at the keyboard can mend. */
    static final class Fault extends Exception {
        private static final long serialVersionUID = 1;

        Fault(String text) {
            super(text);
        }
    }

    /** Which field a column fills, and what the field is called to the person at the keyboard. */
    private record Column(String field, String label) {}

    /** The file's rows. Columns may be named as in the contract or by their Chinese header. */
    static List<Any> read(Path path, DatasetDescription dataset) throws IOException, Fault {
        var columns = new HashMap<String, Column>();
        for (var described : dataset.getColumnsList()) {
            var column = new Column(described.getField(), described.getColumn().getHeader() + " " + described.getField());
            columns.put(described.getField(), column);
            columns.put(described.getColumn().getHeader(), column);
        }
        var type = contracts().get(dataset.getMessageType());
        if (type == null) {
            throw new Fault(dataset.getMessageType() + " is not among the contracts of this client: build it anew 请用新的接口文件重新编译");
        }
        var name = dataset.getDataset().getName();
        return read(path, name, columns, DynamicMessage.getDefaultInstance(type)).stream().map(Any::pack).toList();
    }

    /** The file's lines as messages of one kind; the columns are named as its fields. */
    static <T extends Message> List<T> read(Path path, T kind) throws IOException, Fault {
        var columns = new HashMap<String, Column>();
        for (var field : kind.getDescriptorForType().getFields()) {
            columns.put(field.getName(), new Column(field.getName(), field.getName()));
        }
        return read(path, kind.getDescriptorForType().getName(), columns, kind);
    }

    /** The file's lines as messages; an empty cell is not sent. */
    @SuppressWarnings("unchecked") // What a message's own builder builds is of its type.
    private static <T extends Message> List<T> read(Path path, String name, Map<String, Column> columns, T kind)
            throws IOException, Fault {
        var rows = cells(path);
        var headers = new ArrayList<Column>();
        var wrong = new ArrayList<String>();
        for (var header : rows.isEmpty() ? List.<String>of() : rows.get(0)) {
            var column = columns.get(header);
            if (column == null || headers.contains(column)) {
                wrong.add(String.valueOf(headers.size() + 1));
            }
            headers.add(column);
        }
        if (!wrong.isEmpty()) {
            throw new Fault("%s: the first line must name columns of %s, each once; wrong are columns 首行应为列名，各一次，有误的是第几列: %s"
                    .formatted(path, name, String.join(", ", wrong)));
        }
        var lines = new ArrayList<T>();
        for (int at = 1; at < rows.size(); at++) {
            var place = "%s, line %d".formatted(path, at + 1);
            var row = rows.get(at);
            if (row.size() > headers.size()) {
                throw new Fault(place + ": more cells than columns 单元格多于列名");
            }
            var line = kind.newBuilderForType();
            for (int cell = 0; cell < row.size(); cell++) {
                if (!row.get(cell).isEmpty()) {
                    set(line, headers.get(cell).field(), row.get(cell), place + ": " + headers.get(cell).label());
                }
            }
            lines.add((T) line.build());
        }
        return lines;
    }

    /** The file's cells without the blanks around them, past the byte order mark that spreadsheets write. */
    private static List<List<String>> cells(Path path) throws IOException, Fault {
        String text;
        try {
            text = Files.readString(path).replaceFirst("^\uFEFF", "");
        } catch (CharacterCodingException not) {
            throw new Fault(path + ": not UTF-8; save it as CSV UTF-8 请另存为 UTF-8 编码的 CSV");
        }
        var format = CSVFormat.Builder.create(CSVFormat.RFC4180).setIgnoreEmptyLines(true).build();
        try (var records = CSVParser.parse(text, format)) {
            return records.stream().map(record -> record.stream().map(cell -> BLANK.matcher(cell).replaceAll("")).toList()).toList();
        }
    }

    /** Sets one field. What its type cannot hold is told here, and never the text: it may be a person's number. */
    private static void set(Message.Builder line, String name, String text, String label) throws Fault {
        FieldDescriptor field = line.getDescriptorForType().findFieldByName(name);
        var word = text.toLowerCase(Locale.ROOT);
        switch (field.getJavaType()) {
            case BOOLEAN -> {
                if (!YES.contains(word) && !NO.contains(word)) {
                    throw new Fault(label + " must be 是 or 否");
                }
                line.setField(field, YES.contains(word));
            }
            case ENUM -> {
                var words = words(field.getEnumType());
                if (!words.containsKey(word)) {
                    throw new Fault(label + " must be one of 应为其一: " + String.join(", ", words.keySet()));
                }
                line.setField(field, words.get(word));
            }
            case STRING -> line.setField(field, text);
            default -> {
                try {
                    line.setField(field, number(field, text));
                } catch (NumberFormatException not) {
                    throw new Fault(label + " must be a whole number 整数");
                }
            }
        }
    }

    /** An enum's values by their names without what all begin with. */
    private static Map<String, EnumValueDescriptor> words(EnumDescriptor type) {
        var prefix = type.findValueByNumber(0).getName().length() - "UNSPECIFIED".length();
        var words = new LinkedHashMap<String, EnumValueDescriptor>();
        type.getValues().stream().filter(value -> value.getNumber() != 0)
                .forEach(value -> words.put(value.getName().substring(prefix).toLowerCase(Locale.ROOT), value));
        return words;
    }

    private static Object number(FieldDescriptor field, String text) {
        if (field.getJavaType() == FieldDescriptor.JavaType.LONG) {
            return Long.valueOf(text);
        }
        return Integer.valueOf(text);
    }

    /** Every message of the contracts by its full name. */
    private static Map<String, Descriptor> contracts() throws IOException {
        FileDescriptorSet set;
        try (var stream = Rows.class.getResourceAsStream("/contracts.desc")) {
            set = FileDescriptorSet.parseFrom(stream);
        }
        var files = new LinkedHashMap<String, FileDescriptor>();
        var messages = new HashMap<String, Descriptor>();
        for (FileDescriptorProto proto : set.getFileList()) {
            var imports = proto.getDependencyList().stream().map(files::get).toArray(FileDescriptor[]::new);
            try {
                var file = FileDescriptor.buildFrom(proto, imports);
                files.put(proto.getName(), file);
                file.getMessageTypes().forEach(type -> messages.put(type.getFullName(), type));
            } catch (DescriptorValidationException fault) {
                throw new IOException("contracts.desc: " + proto.getName(), fault);
            }
        }
        return messages;
    }
}
