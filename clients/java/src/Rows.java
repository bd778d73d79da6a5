import com.google.protobuf.Any;
import com.google.protobuf.DescriptorProtos.FileDescriptorProto;
import com.google.protobuf.DescriptorProtos.FileDescriptorSet;
import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.DescriptorValidationException;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Descriptors.FileDescriptor;
import com.google.protobuf.DynamicMessage;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import minqing.bureau.v1.Dataset.DatasetColumn;
import minqing.bureau.v1.Dataset.DatasetDescription;
import org.apache.commons.csv.CSVFormat;

/** Rows of a CSV file as messages of a dataset that is known from its description alone. */
final class Rows {
    private static final Set<String> YES = Set.of("是", "true", "1", "y", "yes");
    private static final Set<String> NO = Set.of("否", "false", "0", "n", "no");

    private Rows() {}

    /** What the person at the keyboard can mend. */
    static final class Fault extends Exception {
        private static final long serialVersionUID = 1;

        Fault(String text) {
            super(text);
        }
    }

    /** The file's rows. Columns may be named as in the contract or by their Chinese header; an empty cell is not sent. */
    static List<Any> read(Path path, DatasetDescription dataset) throws IOException, Fault {
        var columns = new HashMap<String, DatasetColumn>();
        for (var column : dataset.getColumnsList()) {
            columns.put(column.getField(), column);
            columns.put(column.getColumn().getHeader(), column);
        }
        var type = contracts().get(dataset.getMessageType());
        if (type == null) {
            throw new Fault(dataset.getMessageType() + " is not among the contracts of this client: build it anew 请用新的接口文件重新编译");
        }
        var format = CSVFormat.Builder.create(CSVFormat.RFC4180).setHeader().setSkipHeaderRecord(true).setTrim(true)
                .setIgnoreEmptyLines(true).build();
        try (var reader = withoutMark(path); var records = format.parse(reader)) {
            var unknown = records.getHeaderNames().stream().filter(name -> !columns.containsKey(name)).toList();
            if (!unknown.isEmpty()) {
                throw new Fault("%s: no column %s in %s 表头不在数据集里"
                        .formatted(path, String.join(", ", unknown), dataset.getDataset().getName()));
            }
            var rows = new ArrayList<Any>();
            for (var record : records) {
                var row = DynamicMessage.newBuilder(type);
                for (var cell : record.toMap().entrySet()) {
                    if (!cell.getValue().isEmpty()) {
                        var place = path + ", line " + (record.getRecordNumber() + 1);
                        set(row, columns.get(cell.getKey()), cell.getValue(), place);
                    }
                }
                rows.add(Any.pack(row.build()));
            }
            return rows;
        }
    }

    /** A reader past the byte order mark that spreadsheets write. */
    static BufferedReader withoutMark(Path path) throws IOException {
        var reader = Files.newBufferedReader(path);
        reader.mark(1);
        if (reader.read() != '\uFEFF') {
            reader.reset();
        }
        return reader;
    }

    /** Sets one field. What is no number or no yes or no is told here: the message cannot hold it. */
    private static void set(DynamicMessage.Builder row, DatasetColumn column, String text, String place) throws Fault {
        FieldDescriptor field = row.getDescriptorForType().findFieldByName(column.getField());
        var name = "%s: %s %s".formatted(place, column.getColumn().getHeader(), column.getField());
        switch (field.getJavaType()) {
            case BOOLEAN -> {
                var word = text.toLowerCase();
                if (!YES.contains(word) && !NO.contains(word)) {
                    throw new Fault(name + " must be 是 or 否");
                }
                row.setField(field, YES.contains(word));
            }
            case STRING -> row.setField(field, text);
            default -> {
                try {
                    row.setField(field, number(field, text));
                } catch (NumberFormatException not) {
                    throw new Fault(name + " must be a whole number 整数");
                }
            }
        }
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
