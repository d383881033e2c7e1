//! What readers and rules say in short of what they saw, in Chinese.
//!
//! Facts hold such words in English, because `inspect` prints them and because most stand deep inside
//! of readers that know no language. Reports for Chinese readers look each of them up here. What is
//! not in the list (a value, a line, what a specification asks for deep inside of a structure) stays
//! as it is, and a phrase of which a part is prose that is not in the list stays English as a whole.

use std::borrow::Cow;

/// Longest text that is looked up, in bytes; phrases are short.
const MAX_TEXT: usize = 2000;

/// How often a phrase may hold another one.
const MAX_DEPTH: usize = 3;

/// English and Chinese; `{}` stands for anything, itself looked up, in the same order in both.
const PHRASES: &[(&str, &str)] = &[
    // What a wider phrase below would take for one of its own.
    ("{} needs {}, and the core image has only {}", "{}需要模块{}，而核心镜像中只有{}"),
    (
        "boot.img, byte 0x64, asks the BIOS drive {} for it, not the disk that was started",
        "boot.img字节0x64要求从BIOS驱动器{}读取核心镜像，而不是从启动的磁盘读取",
    ),
    ("without {} NetworkManager reads no ifcfg files", "没有{}，NetworkManager不读取ifcfg文件"),
    ("without it the network scripts do nothing", "没有该文件，network脚本不执行任何操作"),
    (
        "without DEVICE= the network scripts know no card for it",
        "缺少DEVICE=，network脚本不知道用于哪块网卡",
    ),
    (
        "without DEVICE= and TYPE= NetworkManager does not read it",
        "缺少DEVICE=和TYPE=，NetworkManager不读取该文件",
    ),
    (
        "compressed on {}, and the boot sector reads no such file",
        "在{}上已压缩，而引导扇区不能读取压缩文件",
    ),
    (
        "encrypted on {}, and the boot sector reads no such file",
        "在{}上已加密，而引导扇区不能读取加密文件",
    ),
    ("it belongs to the host with the system ID {}: {}: {}", "属于系统ID为{}的主机：{}：{}"),
    ("where it is mounted is not known: {}", "挂载位置未知：{}"),
    (
        "where {} leads by btrfs-mount-subvol is not followed",
        "未跟踪{}经btrfs-mount-subvol指向的位置",
    ),
    // The command line.
    ("cannot write the output: {}", "无法写入输出：{}"),
    ("cannot write to {}: {}", "无法写入{}：{}"),
    ("cannot write {}: {}", "无法写入{}：{}"),
    ("cannot read the report {}: {}", "无法读取报告{}：{}"),
    ("cannot read {}: {}", "无法读取{}：{}"),
    ("cannot list: {}", "无法列出：{}"),
    ("{} is no report of image-preflight: {}", "{}不是image-preflight的报告：{}"),
    ("{} and {} have an image in common", "{}与{}含有同一个镜像"),
    ("the output would overwrite {}", "输出会覆盖{}"),
    ("{} is there already", "{}已存在"),
    ("more than {} images", "镜像超过{}个"),
    ("{} matches no file", "没有与{}匹配的文件"),
    ("no image in {} ({})", "{}中没有镜像（{}）"),
    ("only one of the files can be standard input", "只有一个文件可以来自标准输入"),
    (
        "standard input cannot be read as an image: it is read at many places, not in order; save it to a file first",
        "无法从标准输入读取镜像：镜像需要随机访问，不能顺序读取；请先保存为文件",
    ),
    ("{}; did you mean {}?", "{}；是否指{}？"),
    (
        "no rule or error code is called {} (image-preflight rules lists the rules)",
        "没有名为{}的规则或错误码（可用image-preflight rules列出规则）",
    ),
    ("the profile {} is none of {}, and no file ({})", "规则集{}不是{}之一，也不是文件（{}）"),
    ("{}: no rule is called {}", "{}：没有名为{}的规则"),
    ("{}: extends is none of {}", "{}：extends不是{}之一"),
    ("{}: {} is not in the platform's list of os_version", "{}：{}不在平台的os_version列表中"),
    (
        "{}: min-virtual-size is more than max-virtual-size",
        "{}：min-virtual-size大于max-virtual-size",
    ),
    ("{}: a waiver needs a reason", "{}：豁免必须说明原因（reason）"),
    ("{}: expires is a date such as 2026-12-31", "{}：expires应为日期，例如2026-12-31"),
    ("a name of a device has more than {} bytes", "设备名称超过{}字节"),
    ("btrfs_subvol has more than {} bytes", "btrfs_subvol超过{}字节"),
    ("a subvolume's path of more than {} bytes", "子卷路径超过{}字节"),
    ("more than {} bytes", "超过{}字节"),
    ("{}: is a directory", "{}：是目录"),
    ("--recursive checks the images in it", "使用--recursive可检查其中的镜像"),
    ("{}: is a character device; {}", "{}：是字符设备；{}"),
    ("{}: is a FIFO; {}", "{}：是命名管道；{}"),
    ("{}: is a socket; {}", "{}：是套接字；{}"),
    ("an image is a regular file or a block device", "镜像应为普通文件或块设备"),
    (
        "{}: the checker itself failed on this image; please report it",
        "{}：检查程序在处理该镜像时出错，请报告此问题",
    ),
    ("{}: the waiver of {} set nothing aside", "{}：对{}的豁免没有对应的问题"),
    ("{}: the waiver of {} expired on {}", "{}：对{}的豁免已于{}过期"),
    (
        "{}: the waiver of {} is for nothing that this call checks",
        "{}：对{}的豁免与本次检查的内容无关",
    ),
    ("known from {}", "{}中已有"),
    ("{} was made by the profile {}, {} by {}", "{}由规则集{}生成，{}由{}生成"),
    ("it is empty, as a call leaves it that was ended early", "内容为空，可能是检查中途终止所致"),
    ("schema_version is {}, not {}", "schema_version为{}，应为{}"),
    ("both {} and {} are its profile", "规则集既为{}又为{}"),
    ("cannot start threads: {}", "无法启动线程：{}"),
    ("the request's body {}: byte {} is not UTF-8", "请求体{}：字节{}处不是UTF-8文本"),
    ("the request's body {}: {}", "请求体{}：{}"),
    ("--tag {}: not KEY=VALUE", "--tag {}：应为KEY=VALUE"),
    ("--password-file {}: {}", "--password-file {}：{}"),
    ("standard input", "标准输入"),
    ("the password is empty", "密码为空"),
    ("the password is longer than {} bytes", "密码超过{}字节"),
    ("the password has a NUL byte", "密码含有NUL字节"),
    ("no rule is called {}", "没有名为{}的规则"),
    ("{}: {} is no size such as 128 GiB", "{}：{}不是有效的大小，例如128 GiB"),
    // The body of a request.
    ("the text ends too early", "内容不完整，提前结束"),
    ("the body is not a JSON object", "请求体不是JSON对象"),
    ("no text", "没有内容"),
    ("again", "重复出现"),
    ("{} members", "{}个成员"),
    ("{} instead of {}", "{}应改为{}"),
    ("a space", "空格"),
    // Places.
    ("image", "镜像"),
    (
        "/etc/fstab, boot entry, udev rules, network configuration",
        "/etc/fstab、引导项、udev规则、网络配置",
    ),
    ("NTFS $Bitmap, file record", "NTFS $Bitmap的文件记录"),
    ("NTFS volume information", "NTFS卷信息"),
    ("FAT boot sector or first table entries", "FAT引导扇区或FAT表首项"),
    ("GPT entry", "GPT表项"),
    ("{}: ext superblock", "{}：ext超级块"),
    ("ext superblock", "ext超级块"),
    ("nearest os_version", "最接近的os_version"),
    ("partition table", "分区表"),
    ("whole disk", "整个磁盘"),
    ("volume", "卷"),
    ("volumes", "卷"),
    ("boot loader configuration", "引导程序配置"),
    ("file length", "文件长度"),
    ("gap before partition {}, byte {}", "分区{}之前的间隙，字节{}"),
    ("gap before partition {}", "分区{}之前的间隙"),
    ("BIOS boot partition {}, byte {} of the disk", "BIOS启动分区{}，磁盘字节{}"),
    ("BIOS boot partition {}, byte {}", "BIOS启动分区{}，字节{}"),
    ("BIOS boot partition {}", "BIOS启动分区{}"),
    ("EFI system partition {}, type {}", "EFI系统分区{}，类型{}"),
    ("EFI system partition {}", "EFI系统分区{}"),
    ("partition {}, byte {} of the disk", "分区{}，磁盘字节{}"),
    ("partition {}, type {}", "分区{}，类型{}"),
    ("partition {}, sector {}", "分区{}，扇区{}"),
    ("partition {} (swap)", "分区{}（swap）"),
    ("partition {}: {}", "分区{}：{}"),
    ("{} at byte {}, entry {} (guest byte {})", "{}（字节{}）第{}项（磁盘字节{}）"),
    (
        "{} at byte {}: reaches to byte {}, the file ends at {}",
        "{}（字节{}）：延伸到字节{}，而文件在字节{}结束",
    ),
    ("also used: {}", "同时被用作：{}"),
    ("{} references to it", "有{}处引用"),
    ("{}, {} clusters in a row", "{}，共连续{}个簇"),
    ("refcount {}, references {}: {}", "引用计数为{}，实际引用数为{}：{}"),
    ("refcount {}, references {}", "引用计数为{}，实际引用数为{}"),
    ("reserved bits {} are set", "保留位{}被置位"),
    ("{} at byte {}, not a multiple of the cluster size", "{}（字节{}）不是簇大小的整数倍"),
    ("{}, entry {} and {} more L1 entries", "{}第{}项及另外{}个L1表项"),
    ("{}, host cluster at byte {}", "{}，主机簇（字节{}）"),
    ("host cluster at byte {}", "主机簇（字节{}）"),
    ("{}, bytes {} to {}", "{}，字节{}至{}"),
    ("{}, byte {}", "{}，字节{}"),
    ("{}, entry {}", "{}第{}项"),
    ("sector {}", "扇区{}"),
    ("byte {}", "字节{}"),
    ("logical volume {}", "逻辑卷{}"),
    // What stands where.
    ("the partition at byte {} of the disk with signature {}", "起始字节{}的分区（磁盘签名{}）"),
    ("partition {} of disk {}", "分区{}（磁盘{}）"),
    ("root={}: {}", "root={}：{}"),
    ("{} at byte {}, {} bytes", "{}，起始字节{}，长{}字节"),
    // Errors.
    (
        "a disk in an external data file ({}), which is not opened,",
        "外部数据文件（{}）中的磁盘内容（不打开该文件）",
    ),
    (
        "a disk that depends on the backing file {}, which is not opened,",
        "依赖后端文件{}的磁盘内容（不打开该文件）",
    ),
    ("the link to {}, which leaves this volume,", "指向其他卷的链接{}"),
    ("the link {}", "链接{}"),
    ("a sector", "一个扇区"),
    ("{} holds no file system", "{}没有文件系统"),
    ("{}: the file changed while it was read", "{}：读取过程中文件发生了变化"),
    ("{} at byte {}: {} is not read by this program", "{}（字节{}）：本程序不读取{}"),
    ("{} at byte {}: expected {}, found {}", "{}（字节{}）：应为{}，实际为{}"),
    ("bytes {} to {} lie beyond the end at {}", "字节{}至{}超出末尾{}"),
    ("{}: more than {} {}, the rest was not read", "{}：超过{} {}，其余部分未读取"),
    (
        "{}; only the journal of its file system holds it, which no boot loader replays",
        "{}；仅存在于文件系统的日志中，而引导程序不会回放日志",
    ),
    ("{}: not compared with its journal: {}", "{}：未与其日志比较：{}"),
    (
        "its configuration has {}, which the core image does not know",
        "其内嵌配置使用了{}，而核心镜像不支持该命令",
    ),
    (
        "its configuration has {}, and the core image is without the module {}",
        "其内嵌配置使用了{}，而核心镜像缺少模块{}",
    ),
    ("{} is a list of blocks, which is not read", "{}是块列表，未读取"),
    (
        "{}: the journal of its file system holds another one, which no boot loader replays; it counts from the second start on",
        "{}：文件系统的日志中另有不同的内容，引导程序不会回放日志，该内容自第二次启动起生效",
    ),
    ("{}: no such file or directory", "{}：文件或目录不存在"),
    ("{}: not a directory", "{}：不是目录"),
    ("{}: not a regular file", "{}：不是普通文件"),
    ("{}: too many levels of symbolic links", "{}：符号链接层数过多"),
    ("expected {}, found {}", "应为{}，实际为{}"),
    ("the content of a file in format {}", "{}格式文件的内容"),
    ("bytes inside the image file", "镜像文件范围内的字节"),
    ("the end of the file at byte {}", "文件末尾（字节{}）"),
    ("the end of the file", "文件末尾"),
    ("checksum {}", "校验和{}"),
    ("a damaged stream", "损坏的数据流"),
    ("sound compressed data", "完好的压缩数据"),
    ("encryption ({})", "加密（{}）"),
    ("incompatible feature {}", "不兼容特性{}"),
    ("the messages {}", "提示信息{}"),
    (
        "damaged data (GRUB's error correction, if it was embedded, was not tried)",
        "损坏的数据（未尝试使用GRUB可能内嵌的纠错码）",
    ),
    ("a compressed kernel that unpacks to {} bytes", "解压后为{}字节的压缩内核"),
    ("a checksum entry", "校验和项"),
    ("fewer than {} bytes", "少于{}字节"),
    ("an L1 table of up to {} bytes", "不超过{}字节的L1表"),
    ("damaged data ({})", "损坏的数据（{}）"),
    ("zeroes", "全零"),
    ("zero", "全零"),
    ("the end", "末尾"),
    ("its end", "其末尾"),
    ("the end of the structure", "该结构的末尾"),
    ("the payload's end", "数据末尾"),
    ("the volume's end at byte {}", "卷的末尾（字节{}）"),
    ("the device's end at byte {}", "设备末尾（字节{}）"),
    ("a directory", "目录"),
    ("a hole", "空洞"),
    ("none", "没有"),
    ("something else", "其他内容"),
    ("other data", "其他数据"),
    ("other bytes", "其他字节"),
    ("another", "另一个"),
    ("another one", "另一个"),
    ("another number", "另一个编号"),
    ("another value", "其他值"),
    ("another node", "另一个节点"),
    ("a loop", "循环"),
    ("a transaction log", "事务日志"),
    ("a sound header", "完好的头部"),
    ("a whole header", "完整的头部"),
    ("a text on which the YAML parser fails", "YAML解析器无法处理的文本"),
    ("a symbolic link", "符号链接"),
    ("container", "容器"),
    ("{} needs {}", "{}需要{}"),
    ("sparse extent without a descriptor", "没有描述文件的sparse extent"),
    ("{} descriptor", "{}描述文件"),
    ("a short text", "较短的文本"),
    ("a length of {}", "长度{}"),
    ("a dirty page", "脏页"),
    ("a cluster from 2 to {}", "2至{}的簇"),
    ("at most {} bytes", "最多{}字节"),
    ("an inode in use with a file type", "正在使用且带有文件类型的inode"),
    ("an inode number inside the volume", "卷范围内的inode编号"),
    ("an inode of the group", "该块组的inode"),
    ("an entry inside the log", "日志范围内的项"),
    ("an offset that is a multiple of the cluster size", "簇大小整数倍的偏移"),
    ("an L1 table inside the file of {} bytes", "位于长{}字节的文件之内的L1表"),
    ("l1_size of {} or more for a disk of {} bytes", "l1_size不小于{}（磁盘{}字节）"),
    ("blocks below {}", "小于{}的块"),
    ("a block below {}", "小于{}的块"),
    ("magic {}", "魔数{}"),
    ("version {}", "版本{}"),
    ("encrypted content", "加密的内容"),
    ("a file encrypted by EFS", "由EFS加密的文件"),
    ("an encrypted or otherwise encoded extent", "加密或以其他方式编码的extent"),
    ("compressed cluster at byte {}: {}", "压缩簇（字节{}）：{}"),
    ("L2 table at byte {}: {}", "L2表（字节{}）：{}"),
    ("reaches to byte {}, the file ends at {}", "延伸到字节{}，而文件在字节{}结束"),
    // Disks and volumes.
    ("a volume of type {} is not looked into", "未查看类型为{}的卷"),
    ("{} is not looked into", "未查看{}内部"),
    ("its content was not looked into", "未查看其内容"),
    ("it is encrypted ({})", "已加密（{}）"),
    ("physical volume {} is missing", "缺少物理卷{}"),
    ("slot {} is missing", "缺少成员{}"),
    ("{} partition table", "{}分区表"),
    ("{}, no operating system", "{}，没有操作系统"),
    ("{}: the kernel does not mount it", "{}：内核无法挂载"),
    ("not looked at", "未检查"),
    ("not read", "未读取"),
    ("it was not read", "未读取"),
    ("bytes decompressed in vain", "字节的无效解压"),
    ("all compressed files that were read", "读取的所有压缩文件"),
    ("all directories that were listed", "列出的所有目录"),
    ("all paths that were followed", "跟踪的所有路径"),
    ("all directories and maps of blocks that were read", "读取的所有目录和块映射"),
    ("all journals that were read", "读取的所有日志"),
    ("package databases", "所有软件包数据库"),
    ("lists of modules and options", "模块和选项列表"),
    ("LVM2 metadata texts", "LVM2元数据文本"),
    ("all logs and maps that are kept in memory", "内存中保留的所有日志和映射"),
    ("all registry cells that were read", "读取的所有注册表单元"),
    ("names and addresses", "个名称和地址"),
    ("bytes of a name", "字节的名称"),
    ("bytes of a path", "字节的路径"),
    ("{}: not looked at as a whole", "{}：未全部检查"),
    ("{}: more is free than there is", "{}：可用数超过总数"),
    ("it was not looked at", "未检查"),
    ("whether this crypt(3) knows {} is not known", "该系统的crypt(3)是否支持{}未知"),
    ("whether its crypt(3) knows {} is not known", "该系统的crypt(3)是否支持{}未知"),
    (
        "there is no libcrypt to tell whether crypt(3) knows {}",
        "没有libcrypt，无法判断crypt(3)是否支持{}",
    ),
    ("whether it is OpenSSH is not known", "无法确定是否为OpenSSH"),
    ("{}: whether it makes host keys is not known", "{}：是否会生成主机密钥未知"),
    ("{} (not known to OpenSSH {})", "{}（OpenSSH {}不支持）"),
    ("its file system is not known", "其文件系统未知"),
    ("no file system is mounted there", "该处没有挂载文件系统"),
    ("the state of its file system is not known", "其文件系统状态未知"),
    ("it is not in the mount table", "不在挂载表中"),
    ("the volume of the root is not known", "根文件系统所在卷未知"),
    ("the volume of Windows could not be read", "无法读取Windows所在卷"),
    ("the type of the root file system is not known", "根文件系统类型未知"),
    ("the disk size of this file ({}) is not known", "无法得知该文件（{}）的虚拟大小"),
    ("a comma before {}", "{}之前的逗号"),
    ("virtual size {} bytes", "虚拟大小{}字节"),
    ("{} bytes long, tables refer to {}", "长{}字节，表中引用到{}"),
    ("no container signature: {}", "没有容器格式标识：{}"),
    // Devices.
    ("not a device name that is known", "无法识别的设备名称"),
    ("which disk has the number is settled at boot", "该编号对应的磁盘在启动时才能确定"),
    ("the number is given at boot", "该编号在启动时才能确定"),
    ("{} have it, and which one is taken is settled at boot", "{}都符合，启动时才能确定使用哪一个"),
    // The boot chain.
    ("damaged: {}", "已损坏：{}"),
    ("cut short: {} of {} bytes", "被截断：{}/{}字节"),
    ("cut short: its gzip stream has no end in {} bytes", "被截断：gzip数据流在{}字节内没有结束"),
    ("damaged gzip stream: {}", "gzip数据流损坏：{}"),
    (
        "{}: a volume has this UUID in other letters only, and their case counts",
        "{}：有一个卷的UUID仅大小写不同，而此处区分大小写",
    ),
    ("a carriage return ends the line", "行尾有回车符"),
    ("the code in the first sector is not recognised", "无法识别第一个扇区中的代码"),
    ("where the core image lies is not known", "GRUB核心镜像的位置未知"),
    ("where GRUB's core image lies is not known", "GRUB核心镜像的位置未知"),
    ("GRUB core image of {} bytes", "GRUB核心镜像，{}字节"),
    ("GRUB reads no file system with the feature {}", "GRUB无法读取启用了特性{}的文件系统"),
    (
        "the core image reads the disk by {} and not through the firmware",
        "核心镜像通过模块{}而不是固件读取磁盘",
    ),
    ("the core image is without {}", "核心镜像中没有模块{}"),
    ("{} as the sum of its {} sectors", "{}（其{}个扇区之和）"),
    ("{} (with blocks of {} bytes)", "{}（块大小为{}字节）"),
    ("{}: damaged data", "{}：数据已损坏"),
    ("1 to {} sectors to load", "要加载的扇区为1至{}个"),
    ("an extent of 1 to {} sectors at its byte {}", "1至{}个扇区的extent（位于其字节{}）"),
    ("a count of 32-bit words within its {} sectors", "不超出其{}个扇区的32位字数"),
    ("code of another layout in its first sector", "第一个扇区中布局不同的代码"),
    ("unified kernel images", "统一内核镜像"),
    ("configurations of boot loaders", "引导程序的配置"),
    ("places", "处"),
    ("where this GRUB looks for its configuration is not read", "未读取此GRUB从何处查找其配置"),
    (
        "whether this GRUB knows btrfs_relative_path is not seen",
        "未能确定此GRUB是否支持btrfs_relative_path",
    ),
    ("the word by which the boot sector knows it", "引导扇区用于识别它的字"),
    ("a module in it has no name", "其中有一个模块没有名称"),
    (
        "no kernel that starts under BIOS: without the setup header of x86",
        "不能在BIOS下启动的内核：没有x86的setup头",
    ),
    ("{} bytes that are no ELF module", "{}字节的文件不是ELF模块"),
    ("prefix not read", "未读取prefix"),
    ("btrfs_subvolid={} is no number", "btrfs_subvolid={}不是数字"),
    ("which subvolume EXTLINUX was installed in is not read", "未读取EXTLINUX安装在哪个子卷"),
    ("{}: which files {} names is not read", "{}：未读取{}匹配哪些文件"),
    ("configuration embedded in the core image", "嵌入核心镜像的配置"),
    ("no boot code", "没有引导代码"),
    ("no partition is active", "没有活动分区"),
    ("no boot manager", "没有启动管理器"),
    ("no menu", "没有菜单"),
    ("no timeout", "没有timeout"),
    ("its timeout is not decided", "无法确定其等待时间"),
    ("its version is not known", "其版本未知"),
    ("it was not followed as far as init", "未能检查到init"),
    ("it was not followed as far as Windows' kernel", "未能检查到Windows内核"),
    (
        "there is no default boot entry (see boot-chain-complete)",
        "没有默认引导项（参见boot-chain-complete）",
    ),
    ("the default boot entry names no kernel", "默认引导项没有指定内核"),
    ("the entry names no initramfs", "该引导项没有指定initramfs"),
    ("which kernel the default boot entry starts is not known", "默认引导项启动的内核未知"),
    (
        "the command line names no root; kernel or initramfs decide",
        "命令行没有指定root；由内核或initramfs决定",
    ),
    ("the release of the default kernel is not known", "默认内核的版本号未知"),
    (
        "none of the installed kernels is the one that the default boot entry starts",
        "已安装的内核中没有默认引导项所启动的内核",
    ),
    (
        "{} systems on this disk, and no default entry says which one starts",
        "磁盘上有{}个系统，且没有默认引导项说明启动哪一个",
    ),
    // Kernels and initramfs.
    ("GRUB core image at byte {} of the disk", "GRUB核心镜像位于磁盘字节{}"),
    ("GRUB core image at byte {}", "GRUB核心镜像位于字节{}"),
    ("default kernel", "默认内核"),
    (
        "the initramfs {} is not there (see initrd-referenced-exists)",
        "initramfs {}不存在（参见initrd-referenced-exists）",
    ),
    ("{}, which the entry loads, is not there", "引导项要加载的{}不存在"),
    ("the compressed stream is cut off", "压缩数据流被截断"),
    (
        "segment at offset {} ({}): {}, at offset {} ({} decompressed)",
        "偏移{}处的段（{}）：{}，位于偏移{}（已解压{}）",
    ),
    ("without {}", "缺少{}"),
    ("no driver for {}", "没有{}的驱动"),
    ("no disk driver is built in", "没有内置磁盘驱动"),
    ("{}, built in", "{}，内置"),
    ("there is no modules.alias", "没有modules.alias"),
    ("listed to its end", "已完整列出"),
    ("no other kernel", "没有其他内核"),
    ("modules of {}, not of {}", "包含{}的模块，但没有{}的模块"),
    // Files and settings.
    ("{} files, {} bytes in all", "{}个文件，共{}字节"),
    (
        "{}: {} of {} blocks of {} bytes, {} of {} inodes",
        "{}：可用块{}/{}（每块{}字节），可用inode {}/{}",
    ),
    ("{} of {} blocks of {} bytes, {} of {} inodes", "可用块{}/{}（每块{}字节），可用inode {}/{}"),
    ("{} of {} clusters of {} bytes", "可用簇{}/{}（每簇{}字节）"),
    ("a name of {} bytes, the kernel takes {}", "名称有{}字节，内核最多接受{}字节"),
    ("no rule renames network cards", "没有重命名网卡的规则"),
    (
        "netplan refuses {}: {}, it wants an address with its prefix",
        "netplan不接受{}：{}，应为带前缀长度的地址",
    ),
    ("netplan refuses {}: {}, it wants {}", "netplan不接受{}：{}，应为{}"),
    ("netplan refuses {}: set-name without match", "netplan不接受{}：有set-name而没有match"),
    ("netplan refuses the pattern {} as a name", "netplan不接受以通配符{}作为名称"),
    ("netplan knows no key {} here and refuses it", "netplan不认识此处的键{}，不接受该文件"),
    (
        "ifup refuses the file: no stanza {} before it to inherit from",
        "ifup不接受该文件：前面没有可继承的配置段{}",
    ),
    (
        "NetworkManager loads only keyfiles of root with mode 0600: mode {}",
        "NetworkManager只加载属主为root且权限为0600的配置文件：权限{}",
    ),
    (
        "NetworkManager loads only keyfiles of root with mode 0600: owner {}",
        "NetworkManager只加载属主为root且权限为0600的配置文件：属主{}",
    ),
    (
        "systemd-networkd runs without root's rights and cannot read it: mode {}",
        "systemd-networkd不以root权限运行，无法读取：权限{}",
    ),
    (
        "NetworkManager of this release reads no ifcfg files",
        "该版本的NetworkManager不读取ifcfg文件",
    ),
    ("whether NetworkManager has {} is not known", "无法确定NetworkManager是否带有{}"),
    ("more than {} versions of NetworkManager", "NetworkManager的版本超过{}个"),
    (
        "{}: not labelled ssh_port_t, and SELINUX=enforcing",
        "{}：未设置ssh_port_t标签，且SELINUX=enforcing",
    ),
    ("{} is a layer of it, which is not read", "{}覆盖于其上，未读取"),
    (
        "the system is in a /usr of its own that the initramfs mounts, which is not followed",
        "系统位于由initramfs挂载的独立/usr中，未跟踪",
    ),
    (
        "it belongs to the host with the system ID {}, which is not the guest's",
        "属于系统ID为{}的主机，与该系统的ID不符",
    ),
    (
        "it belongs to the host with the system ID {}; the guest has none",
        "属于系统ID为{}的主机；该系统没有ID",
    ),
    (
        "it belongs to the host with the system ID {}; the guest has {}",
        "属于系统ID为{}的主机；该系统的ID为{}",
    ),
    ("LVM takes its system ID from {}, which is not followed", "LVM的系统ID来自{}，未跟踪"),
    ("Tiny Cloud writes /etc/network/interfaces", "Tiny Cloud会写入/etc/network/interfaces"),
    (
        "neither modules= nor rootfstype= has mkinitfs' init load {}",
        "modules=和rootfstype=均未让mkinitfs的init加载{}",
    ),
    ("which file of rules this reads is not told", "未说明读取哪个规则文件"),
    ("which rules this sets is not told", "未说明设置哪些规则"),
    ("no command is left", "没有剩下任何命令"),
    ("when {} starts it is not known", "{}何时启动它无法确定"),
    ("the card may belong to the internal zone", "网卡可能属于内部区域"),
    (
        "systemd-networkd takes the first file that matches",
        "systemd-networkd只采用第一个匹配的文件",
    ),
    (
        "the network scripts take the carriage return at the line's end into the value",
        "network脚本会把行尾的回车符当作取值的一部分",
    ),
    ("a rule that names network cards is not evaluated", "未推演为网卡命名的规则"),
    ("a zone of a connection answers otherwise", "连接所属区域的结论不同"),
    ("there is no such zone", "没有该区域"),
    ("true or false", "true或false"),
    ("a number", "数字"),
    ("an IPv4 address", "IPv4地址"),
    ("an IPv6 address", "IPv6地址"),
    ("an address", "地址"),
    ("a MAC address with colons", "以冒号分隔的MAC地址"),
    ("networkd or NetworkManager", "networkd或NetworkManager"),
    ("a mapping", "映射"),
    ("one value", "单个值"),
    ("nothing", "空值"),
    ("no file named by persistent and net", "没有名称同时含persistent和net的文件"),
    ("pulls in {}", "启用{}"),
    ("no {}, no {}", "没有{}，没有{}"),
    ("no such identifiers", "没有这样的标识"),
    ("no signature", "没有已知的特征"),
    ("no linux", "没有linux"),
    ("no resume=", "没有resume="),
    ("no netkvm", "没有netkvm"),
    ("no Type of a driver", "Type不是驱动程序"),
    ("it is empty", "内容为空"),
    (
        "whether the boot loader obeys a StartOverride of 0 against Start is not documented",
        "没有文档说明StartOverride为0而Start不为0时启动加载程序以哪个为准",
    ),
    ("no NetworkAddress", "没有NetworkAddress"),
    ("the settings that the platform needs", "平台所需的设置"),
    ("not in use", "未使用"),
    ("not dirty, log empty", "非dirty，日志为空"),
    ("there", "存在"),
    ("empty", "空"),
    ("{} (not over SSH)", "{}（不能通过SSH）"),
    ("{}: valid for days: {}", "{}：有效天数：{}"),
    ("{}: password set ({})", "{}：已设置密码（{}）"),
    ("{}: password locked", "{}：密码已锁定"),
    ("{}: no password set", "{}：未设置密码"),
    ("{}: none in question", "{}：没有需要注意的位"),
    ("bit {}: corrupt", "位{}：corrupt（已损坏）"),
    ("bit {}: dirty", "位{}：dirty（未正常关闭）"),
    ("bit {}: extended L2 entries", "位{}：扩展L2项"),
    ("bit {}: unknown", "位{}：未知"),
    ("incompatible_features bit {} is clear", "incompatible_features位{}为0"),
    ("incompatible_features bit {}; data file {}", "incompatible_features位{}；数据文件{}"),
    ("{} (full disk encryption)", "{}（全盘加密）"),
    ("no such file", "文件不存在"),
    ("not there", "不存在"),
    ("the file exists", "文件存在"),
    ("{} exists", "{}存在"),
    ("not empty", "非空"),
    ("{}, {} packages", "{}，{}个软件包"),
    ("generator", "生成器"),
    ("masked", "已屏蔽（masked）"),
    ("not installed", "未安装"),
    ("{} is not installed", "未安装{}"),
    ("nothing starts it", "没有任何配置启动它"),
    ("leads to nothing", "链接目标不存在"),
    ("link to {}", "链接到{}"),
    ("{} is not set, default {}", "未设置{}，默认为{}"),
    ("no line mounts a disk", "没有挂载磁盘的行"),
    ("no device by a name of its bus", "没有按总线命名的设备"),
    ("nothing about IPv6", "没有IPv6相关配置"),
    ("IPv6 by DHCP or router advertisements", "通过DHCP或路由通告获取IPv6"),
    ("no configuration for the card", "没有该网卡的配置"),
    ("no MAC address", "没有MAC地址"),
    ("no bindings", "没有硬件绑定"),
    ("no keys", "没有密钥"),
    ("no command history", "没有命令历史"),
    ("no datasource_list", "没有datasource_list"),
    ("nothing of an earlier run", "没有先前运行的遗留"),
    ("none of the tools that are known here", "没有已知的工具"),
    ("none of its boot stages was looked at", "未检查其任何启动阶段"),
    ("none of its units was looked at", "未检查其任何单元"),
    ("a host key", "主机密钥"),
    ("an id is set", "已设置ID"),
    ("no rules", "没有规则"),
    ("started at boot", "开机启动"),
    ("this line of the rules is not understood", "无法理解该行规则"),
    ("the shell would compute this value", "该值由shell计算得出"),
    ("datasource_list is not a list of names", "datasource_list不是名称列表"),
    // Accounts.
    ("password set ({})", "已设置密码（{}）"),
    ("password locked", "密码已锁定"),
    ("{}: locked, and sshd asks no PAM (UsePAM no)", "{}：已锁定，且sshd未启用PAM（UsePAM no）"),
    ("owner {}, mode {}: sshd refuses the keys of {}", "属主{}，权限{}：sshd拒绝{}的密钥"),
    (
        "owner {}, mode {}: whether sshd accepts the keys of {} is not known",
        "属主{}，权限{}：sshd是否接受{}的密钥未知",
    ),
    ("owner {}, mode {}, {} may not read it", "属主{}，权限{}，{}无权读取"),
    ("owner {}, group {}, mode {}: sudo refuses it", "属主{}，属组{}，权限{}：sudo拒绝使用"),
    (
        "{}: sudo asks for a password, and it has none ({})",
        "{}：sudo要求密码，而该账户没有密码（{}）",
    ),
    (
        "sudo asks {} for a password, and whether it takes the empty one is not known",
        "sudo要求{}输入密码，是否接受空密码未知",
    ),
    ("{}: whom it is for is not known", "{}：适用对象未知"),
    ("{}: whom it is for is not looked at", "{}：未检查其适用对象"),
    ("{}: the key alone is not enough", "{}：仅凭密钥不够"),
    ("{}: whether it asks for the password is not known", "{}：是否要求密码未知"),
    ("sudo refuses to include it for its owner or mode", "sudo因属主或权限拒绝包含该文件"),
    (
        "a seed for NoCloud, which comes before OpenStack",
        "NoCloud的种子数据，且NoCloud排在OpenStack之前",
    ),
    ("what cloud-init does with {} is not known", "cloud-init如何处理{}未知"),
    ("no set-passwords", "没有set-passwords"),
    (
        "whether this version of cloud-init writes 50-cloud-init.conf is not known",
        "该版本的cloud-init是否写入50-cloud-init.conf未知",
    ),
    ("passed over at boot for its conditions", "因条件不满足，开机时被跳过"),
    ("links {}", "链接了{}"),
    ("no password set", "未设置密码"),
    ("no account with uid 0", "没有uid为0的账户"),
    ("{}: another password", "{}：其他密码"),
    ("{}: the supplied password ({})", "{}：所提供的密码（{}）"),
    ("upper-case letter", "大写字母"),
    ("lower-case letter", "小写字母"),
    ("digit", "数字"),
    ("special character", "特殊字符"),
    ("expired on {}", "已于{}过期"),
    ("closed on {}: the password was not changed in time", "已于{}锁定：未按时更改密码"),
    // Windows.
    ("{}: ACB {}, {} wrong passwords", "{}：ACB {}，密码错误{}次"),
    ("no firewall service", "没有防火墙服务"),
    ("{}: no Start", "{}：没有Start"),
    ("machine {}", "处理器类型{}"),
    (
        "sequence numbers {} and {} of its base block differ",
        "其base block的两个序列号（{}和{}）不一致",
    ),
    ("{} log entries hold the rest", "其余内容在{}条日志中"),
    (
        "{}: written at another time than the hive, not applied",
        "{}：与注册表文件不是同时写入，未应用",
    ),
    ("{}: older than the other log", "{}：早于另一日志"),
    (
        "{}: begins with entry {}, but {} is the next; not applied",
        "{}：从第{}条开始，而下一条应为第{}条；未应用",
    ),
    ("the key is not there", "注册表项不存在"),
    ("no such key or value", "没有该注册表项或值"),
    ("the value is not there, or not what it should be", "注册表值不存在或不符合预期"),
    ("no volume that can be read has its system hive", "可读取的卷中都没有其SYSTEM注册表"),
    ("{}, another administrator", "{}，另一管理员"),
    ("names no program", "没有指定程序"),
    ("names no system", "没有指定系统"),
    ("no card has a setting", "没有网卡设置"),
    ("none of the services that are known here", "没有已知的服务"),
    ("where this path leads is not understood", "无法理解该路径指向何处"),
    ("disk signature {}", "磁盘签名{}"),
    ("it names no device", "没有指定设备"),
    (
        "ProductId of another channel, no OEMInformation",
        "ProductId属于其他渠道，没有OEMInformation",
    ),
    // Reports.
    ("{}: what was read may be older", "{}：读到的内容可能是较早的版本"),
    ("{} more", "另有{}项"),
    ("{} bytes at byte {}", "{}字节，位于字节{}"),
    ("a sector size of {} bytes", "扇区大小{}字节"),
    ("{} bytes", "{}字节"),
    ("{} does not exist", "{}不存在"),
    // Links of the boot chain, by the names that messages have for them.
    ("Windows' kernel", "Windows内核"),
    ("Windows' loader", "Windows加载程序"),
    ("Windows' partition", "Windows所在分区"),
    ("the boot manager", "启动管理器"),
    ("the hive SYSTEM", "注册表SYSTEM"),
    ("the EFI system partition", "EFI系统分区"),
    ("the active partition's boot sector", "活动分区的引导扇区"),
    ("the active partition", "活动分区"),
    // Structures of a container.
    ("qcow2 tables", "qcow2元数据表"),
    ("qcow2 header", "qcow2文件头"),
    ("qcow2 L1 table", "qcow2 L1表"),
    ("qcow2 L2 table", "qcow2 L2表"),
    ("qcow2 refcount table", "qcow2引用计数表"),
    ("refcount block", "引用计数块"),
    ("L1 table", "L1表"),
    ("L2 table", "L2表"),
    ("data cluster", "数据簇"),
    ("qcow2 data cluster", "qcow2数据簇"),
    ("qcow2 header extension", "qcow2文件头扩展"),
    ("qcow2 snapshot table", "qcow2快照表"),
    ("compressed cluster", "压缩簇"),
    ("bitmap data", "位图数据"),
    ("encryption header", "加密头"),
    // What is a whole word of a place or a value by itself comes last.
    ("{} is partition {}", "{}为分区{}"),
    ("{} on partition {}", "{}位于分区{}"),
    ("partition {}", "分区{}"),
    ("{} at byte {}", "{}（字节{}）"),
    ("boot code", "引导代码"),
    ("boot code of Windows", "Windows引导代码"),
    ("boot code that starts the active partition", "启动活动分区的引导代码"),
    ("boot code that is not known", "无法识别的引导代码"),
    ("the boot loader's next stage", "引导程序的下一阶段"),
    ("the boot loader's files", "引导程序的文件"),
    ("the boot loader's configuration", "引导程序的配置"),
    ("the boot configuration", "启动配置"),
    ("the default boot entry", "默认引导项"),
    ("the kernel", "内核"),
    ("the initramfs", "initramfs"),
    ("the root device", "根设备"),
    // What is said at one place each.
    ("the work was cancelled", "操作已取消"),
    (
        "at LBA {}, but the disk ends at LBA {}: the disk was grown, or the header moved",
        "位于LBA {}，而磁盘末尾为LBA {}：磁盘曾被扩容，或该表头被移动",
    ),
    ("logical partition {} is not inside the extended one", "逻辑分区{}不在扩展分区之内"),
    ("{} says that it has {} bytes, the volume has {}", "{}自称有{}字节，而卷有{}字节"),
    ("sectors {} to {} are no partition of the GPT", "扇区{}至{}不是GPT中的分区"),
    ("entry of type {} with no sectors", "类型为{}的表项没有扇区"),
    ("{} entries are marked active", "有{}个表项标为活动"),
    ("the chain comes back to this record", "分区链又回到该记录"),
    ("no signature 0x55AA, so the chain ends here", "没有0x55AA标识，分区链在此结束"),
    ("GPT, primary header", "GPT主表头"),
    ("GPT, backup header", "GPT备份表头"),
    ("GPT backup header", "GPT备份表头"),
    ("it is a spare, faulty or being rebuilt", "是备用、故障或正在重建的成员"),
    ("it is a spare or faulty", "是备用或故障的成员"),
    ("it is being rebuilt", "正在重建"),
    ("it has recorded bad blocks", "记录有坏块"),
    ("the user or group id is no number", "用户或组ID不是数字"),
    ("the group id is no number", "组ID不是数字"),
    ("the name is empty", "名称为空"),
    ("too many malformed lines", "格式错误的行过多"),
    ("a field of days is no number", "天数字段不是数字"),
    ("an include by host name is not read", "不读取按主机名包含的文件"),
    ("a line that is no user specification", "不是用户说明的行"),
    ("bcrypt $2x$ is not computed by this program", "本程序不计算bcrypt $2x$"),
    (
        "unusual parameters of yescrypt are not computed by this program",
        "本程序不计算使用特殊参数的yescrypt",
    ),
    ("{} is not computed by this program", "本程序不计算{}"),
    ("the hash costs too much to compute; it was not compared", "该哈希计算量过大，未比较"),
    (
        "the hash takes {} MiB of memory to compute; it was not compared",
        "该哈希需要{} MiB内存，未比较",
    ),
    ("the {} of the hash cannot be read", "无法读取哈希的{}"),
    ("{}, by way of {}", "{}，经由{}"),
    ("`fallback` names more than {} entries", "`fallback`列出的项超过{}个"),
    ("submenus nested deeper than {}", "子菜单嵌套超过{}层"),
    ("it asks for a password: {}", "启动时要求输入密码：{}"),
    ("hd0 has partitions, no file system of its own", "hd0有分区，自身没有文件系统"),
    ("{} is another disk", "{}是另一块磁盘"),
    ("{} is a removable drive", "{}是可移动驱动器"),
    ("there is no partition {}", "没有分区{}"),
    ("the signatures of {} were not read", "未读取{}的特征"),
    ("no file system has the UUID {}", "没有UUID为{}的文件系统"),
    ("{}: the firmware decides whether it has a set-up", "{}：是否有设置界面由固件决定"),
    ("{}: what {} does is not known", "{}：{}的作用未知"),
    ("more than {} commands were run", "执行的命令超过{}条"),
    ("more than {} logical volumes to wait for", "要等待的逻辑卷超过{}个"),
    ("the initramfs' own command line is not read in full", "未完整读取initramfs自带的命令行"),
    ("more than {} bytes of text", "文本超过{}字节"),
    ("more than {} bytes of kernel command line", "内核命令行超过{}字节"),
    ("more than {} files were read", "读取的文件超过{}个"),
    ("the text ends inside a statement", "文本在语句中间结束"),
    ("an empty file", "空文件"),
    ("not executable (mode {})", "不可执行（权限{}）"),
    ("its dynamic loader {} is not there", "其动态链接器{}不存在"),
    ("{}, in place of {}", "{}，代替{}"),
    ("{}, which is not in {}", "{}（{}中没有）"),
    ("not started at boot", "不会开机启动"),
    ("not started", "未启动"),
    ("no cpio magic", "没有cpio标识"),
    ("cpio in the old ASCII format, not newc", "旧ASCII格式的cpio，不是newc"),
    ("broken padding behind an entry", "某项之后的填充数据损坏"),
    ("a cpio header field is no hexadecimal number", "cpio头部字段不是十六进制数"),
    ("a name in the cpio archive does not end in NUL", "cpio归档中有名称不以NUL结尾"),
    ("junk in the compressed archive", "压缩归档中有无效数据"),
    ("the archive ends inside an entry", "归档在某项中间结束"),
    ("the file is empty", "文件为空"),
    ("segment at offset {} (cpio, {}): {}", "偏移{}处的段（cpio，{}）：{}"),
    ("more than {} segments, the rest was not read", "超过{}段，其余未读取"),
    ("more than {} MiB to look at, the rest was not read", "超过{} MiB，其余未读取"),
    ("the time for it was over, the rest was not read", "已超过时间上限，其余未读取"),
    ("ends inside an LZ4 block", "在LZ4块中间结束"),
    ("ends inside an entry, at offset {}", "在某项中间结束，位于偏移{}"),
    ("{}, at offset {} ({} decompressed)", "{}，位于偏移{}（已解压{}）"),
    ("holds no id", "没有ID"),
    ("a link to /dev/null, or no file", "指向/dev/null的链接，或没有文件"),
    ("{} bytes, udev reads only *.rules", "{}字节，udev只读取*.rules"),
    ("comments only", "只有注释"),
    ("no method for IPv4", "没有IPv4的method"),
    ("named by {}", "由{}指定"),
    ("cloud-init {} writes none by itself", "cloud-init {}自身不写入"),
    ("it has no file system", "没有文件系统"),
    ("the value is not there", "注册表值不存在"),
    ("partitions {} and {} are both active", "分区{}和{}都是活动分区"),
    ("neither a default entry nor a display order", "既没有默认项，也没有显示顺序"),
    ("{} names {}, which is not there", "{}指定了{}，而它不存在"),
    ("{} names {}, but {}", "{}指定了{}，但{}"),
    ("it names no device of the loader", "其中没有加载程序所在的设备"),
    ("more than one partition has the file that it looks for", "有多个分区包含要查找的文件"),
    ("it has no description", "其中没有描述"),
    ("it has no type", "其中没有类型"),
    ("it names no program", "其中没有程序"),
    (
        "HiddenSectors (byte 0x1C) is {}, and the partition begins at sector {}",
        "HiddenSectors（字节0x1C）为{}，而分区从扇区{}开始",
    ),
    (
        "the code in sector 0 reads the protective MBR, where no partition is active",
        "第0扇区的代码读取保护性MBR，其中没有活动分区",
    ),
    ("which entry of a hybrid MBR is active is not looked at", "未检查混合MBR中哪一项为活动项"),
    (
        "which installation of Windows starts is not known: {}",
        "无法确定启动的是哪个Windows安装：{}",
    ),
    (
        "a loader for the other firmware, which this boot manager cannot start",
        "另一种固件的加载程序，该启动管理器无法启动",
    ),
    ("{}: no such partition in this image", "{}：本镜像中没有该分区"),
    ("{}: not there", "{}：不存在"),
    ("not on this volume", "不在该卷上"),
    ("no number of a control set", "没有控制集编号"),
    ("no active rule for port {} and public networks", "没有针对端口{}和公用网络的有效规则"),
    (
        "{}: the password must be changed at the next login (field 3 is 0)",
        "{}：下次登录时必须更改密码（第3字段为0）",
    ),
    (
        "{}: the accounts of a domain controller lie in the directory, which is not read",
        "{}：域控制器的账户在目录服务中，未读取",
    ),
    ("{}: accounts of the domain are not in the image", "{}：域账户不在镜像中"),
    ("{}: local rules do not count; {}", "{}：本机规则不生效；{}"),
    ("no {}:TCP that is open to all", "没有对所有来源开放的{}:TCP"),
    (
        "there is no listener RDP-Tcp, and what this one serves is not looked at",
        "没有RDP-Tcp侦听器，不检查该侦听器的用途",
    ),
    (
        "it does not start the service cloudbase-init itself, and what it calls is not followed",
        "其中没有直接启动cloudbase-init服务的命令，未跟踪其调用的脚本",
    ),
    ("a command that starts the service cloudbase-init", "启动cloudbase-init服务的命令"),
    (
        "RunSynchronousCommand in the pass specialize that starts Cloudbase-Init",
        "specialize阶段中启动Cloudbase-Init的RunSynchronousCommand",
    ),
    (
        "RunSynchronousCommand in the pass specialize that starts the service cloudbase-init",
        "specialize阶段中启动cloudbase-init服务的RunSynchronousCommand",
    ),
    ("{}: nobody knows its password", "{}：其密码无人知晓"),
    ("the account is locked, and for how long is not read", "账户已被锁定，未读取锁定时长"),
    (
        "the account cannot be used now, and what setup makes of it is not read",
        "账户当前不可用，未读取系统安装流程对其的处理",
    ),
    ("no username: it is Admin then", "未设置username，此时为Admin"),
    ("footer checksum does not match", "尾部校验和不匹配"),
    ("header checksum does not match", "头部校验和不匹配"),
    ("too many files are open at once", "同时打开的文件过多"),
    ("larger than this machine can address", "超过本机可寻址的大小"),
    ("flag COPIED on a compressed cluster", "压缩簇带有COPIED标志"),
    ("header_length {} is not a multiple of 8", "header_length {}不是8的倍数"),
    ("an initramfs", "initramfs"),
    ("empty password", "空密码"),
    ("no valid hash", "没有有效的哈希"),
    ("not set", "未设置"),
    ("volume group {}", "卷组{}"),
    (
        "boot.img of a GRUB before 1.99, whose layout is not read by this program",
        "1.99之前的GRUB的boot.img（本程序不读取其结构）",
    ),
    ("the flag of errors", "错误标志"),
    ("{} of {} bytes in use", "已用{}/{}字节"),
    ("a name of directory {} in subvolume {}", "子卷{}中目录{}内的名称"),
    ("the subvolume {}", "子卷{}"),
    ("s_state not valid", "s_state未标为valid"),
    ("s_state has the error bit", "s_state带有错误位"),
    ("s_state valid", "s_state为valid"),
    ("ext journal", "ext日志"),
    ("free space is not counted", "未统计可用空间"),
    ("the mark of a disk error", "磁盘错误标记"),
    ("what it says of its own state is not read", "不读取其自身状态信息"),
    ("a client has the log open", "有客户端正打开日志"),
    ("not dirty, log {}", "非dirty，日志{}"),
    ("xfs allocation groups", "XFS分配组"),
    ("xfs superblock", "XFS超级块"),
    ("accounts there are not read", "不读取该处的账户"),
    ("there: nobody but root may log in", "存在：只有root可以登录"),
    ("no program to tell the architecture by", "没有可用于判断架构的程序"),
    ("{} partitions are active", "有{}个活动分区"),
    ("Microsoft's boot record starts no Linux itself", "Microsoft的引导记录不会启动Linux"),
    ("what the partition's boot sector loads is not followed", "未跟踪分区引导扇区加载的内容"),
    ("the partition table could not be read", "无法读取分区表"),
    ("the device name {} is not followed", "未跟踪设备名{}"),
    ("the partition name {} is not followed", "未跟踪分区名{}"),
    ("the number behind PARTNROFF= is none", "PARTNROFF=之后不是数字"),
    (
        "which array has the name is settled by mdadm.conf or when it starts",
        "该名称对应的阵列由mdadm.conf或启动时决定",
    ),
    ("{} bytes, more than are read", "{}字节，超过读取上限"),
    ("more settings than are read", "配置项超过读取上限"),
    ("more than {} lines", "超过{}行"),
    ("no line for {}", "没有{}的行"),
    ("what mounts {} is not known", "不知道由什么挂载{}"),
    (
        "a symbolic link, which is not followed in an initramfs",
        "符号链接（不跟踪initramfs中的符号链接）",
    ),
    ("more than {} initramfs files", "initramfs文件超过{}个"),
    ("more than {} files of rules, not read", "规则文件超过{}个，未读取"),
    ("more than {} files", "文件超过{}个"),
    ("more than {} directories of Python", "Python目录超过{}个"),
    ("more than {} commands", "命令超过{}条"),
    ("lines that older versions refuse", "行较旧版本会拒绝的设置"),
    ("no version found", "未找到版本"),
    ("bytes of a name or version", "字节的名称或版本"),
    ("a slot for each package", "每个软件包一个槽"),
    ("two of one package", "同一软件包有两个槽"),
    ("a place of its own", "各占一处"),
    ("a loader may take another configuration: {}", "引导程序可能采用其他配置：{}"),
    ("more than {} bytes of rules, not read", "规则合计超过{}字节，未读取"),
    ("more than {} bytes of zones and services, not read", "区域和服务合计超过{}字节，未读取"),
    ("more than {} bytes of all files, not read", "所有文件合计超过{}字节，未读取"),
    ("more than {} bytes of files, the rest was not read", "文件合计超过{}字节，其余未读取"),
    ("more than {} files, the rest was not read", "文件超过{}个，其余未读取"),
    ("more than {} attributes", "属性超过{}个"),
    ("more than {} MiB of memory for the decompressor", "解压所需内存超过{} MiB"),
    ("more than {} bytes of patterns to compare", "需比较的模式超过{}字节"),
    ("more than {} aliases fit the machine's devices", "与设备匹配的别名超过{}个"),
    ("more than {} modules are blocked", "被屏蔽的模块超过{}个"),
    ("too many rules to follow", "规则过多，无法逐条判断"),
    ("whether this rule matches is not decided: {}", "无法判定该规则是否匹配：{}"),
    ("DefaultZone is no name", "DefaultZone不是有效的名称"),
    ("firewalld zone {}", "firewalld区域{}"),
    ("a zone of an interface answers otherwise", "某个网卡所属区域的结果不同"),
    ("rich rules that drop or reject are not evaluated", "不判断drop或reject的rich rule"),
    ("rich rules that accept are not evaluated", "不判断accept的rich rule"),
    ("target {}, and no service or port opens {}/tcp", "target为{}，且没有服务或端口开放{}/tcp"),
    ("services that include others are not evaluated", "不判断包含其他服务的服务"),
    ("no well-formed XML: {}", "XML格式不正确：{}"),
    ("too many elements", "元素过多"),
    ("no policy of INPUT: ACCEPT", "INPUT没有策略：ACCEPT"),
    ("no chain for input", "没有input链"),
    ("these rules are not understood: {}", "无法理解这些规则：{}"),
    ("too many files are included", "包含的文件过多"),
    ("too many words of rules", "规则中的词过多"),
    ("which port this opens is not read", "不读取其开放的端口"),
    ("{} is not evaluated", "不判断{}"),
    (
        "more modules, kernels, noted files or udev rules than are kept, or longer paths: the rest was left out",
        "模块、内核、记录的文件或udev规则超过保留上限，或路径过长，其余未列出",
    ),
    ("modules may lie in the image {} inside, not read", "模块可能位于内部镜像{}中，未读取"),
    ("neither its name nor its header tells the release{}", "文件名和头部都没有版本号{}"),
    ("an id is set, which the next boot takes over", "已设置ID，下次启动时会沿用"),
    ("kernel command line", "内核命令行"),
    (
        "network: in cloud-init's own configuration, without DHCP",
        "cloud-init自身配置中的network未使用DHCP",
    ),
    ("writes the network configuration of a new instance", "为新实例写入网络配置"),
    ("empty or a link to /dev/null", "为空或指向/dev/null的链接"),
    ("no .link file is for the card", "没有适用于该网卡的.link文件"),
    ("net.ifnames=1 is not set", "未设置net.ifnames=1"),
    ("no-auto-default is not set", "未设置no-auto-default"),
    ("start link", "启动链接"),
    ("PermitRootLogin is not set, and {}", "未设置PermitRootLogin，且{}"),
    ("its default depends on the version of OpenSSH", "其默认值取决于OpenSSH版本"),
    ("no start link in runlevel {} ({})", "运行级别{}中没有启动链接（{}）"),
    ("no start on", "没有start on"),
    ("in no runlevel that OpenRC starts at boot", "不在OpenRC开机启动的任何运行级别中"),
    (
        "an earlier Windows behind the boot manager is not followed",
        "未跟踪启动管理器之后的早期Windows",
    ),
    ("an entry of type {} is not followed", "未跟踪类型为{}的项"),
    ("not there: ntldr takes the first partition", "不存在：ntldr使用第一个分区"),
    ("the partition of the boot manager is not known", "启动管理器所在分区未知"),
    ("it names no file to look for", "没有指定要查找的文件"),
    ("a system in memory is not followed", "未跟踪内存中的系统"),
    ("a system on a virtual disk is not followed", "未跟踪虚拟磁盘中的系统"),
    ("a system in a file is not followed", "未跟踪文件中的系统"),
    ("a device of type {} is not followed", "未跟踪类型为{}的设备"),
    ("there, but no list of names", "存在，但不是名称列表"),
    ("answer file", "应答文件"),
    ("RunSynchronousCommand in the pass specialize", "specialize阶段中的RunSynchronousCommand"),
    ("no virtual size", "没有虚拟大小"),
    ("its architecture is not one that is known here", "其架构不在已知范围内"),
    ("boot chain", "引导链"),
    ("all drivers that were sought, {} or its alternative", "查找的所有驱动，{}或其替代驱动"),
    (
        "neither it nor /boot/config-{} is there, so what the kernel has built in is not known",
        "该文件和/boot/config-{}都不存在，无法得知内核内置的驱动",
    ),
    (
        "it is not there, so what the kernel has built in is not known",
        "该文件不存在，无法得知内核内置的驱动",
    ),
    ("which system this is, is not known", "无法得知是哪种系统"),
    ("the next part, by its name", "按名称判断的下一部分"),
    ("network configuration", "网络配置"),
    ("boot configuration", "启动配置"),
    ("the version of cloud-init is not known", "cloud-init版本未知"),
    (
        "Windows guests are recognised but not read by this version",
        "本版本可识别但不读取Windows系统",
    ),
    ("it holds no version", "其中没有版本信息"),
    ("{} could not be read", "无法读取{}"),
    ("{} is encrypted", "{}已加密"),
    ("{} is not followed", "未跟踪{}"),
    ("the boot sector of GRUB", "GRUB引导扇区"),
    ("{} is not set", "未设置{}"),
    ("what drives it was not looked for", "未查找其驱动"),
    ("no {} in it, and the version of cloud-init is not known", "其中没有{}，且cloud-init版本未知"),
    ("{} is not in this image", "本镜像中没有{}"),
    ("/ on {} ({})", "/位于{}（{}）"),
    ("/ on {}", "/位于{}"),
    ("/dev/{} is {} ({})", "/dev/{}为{}（{}）"),
    ("UUID={} is {} ({})", "UUID={}为{}（{}）"),
    ("LABEL={} is {} ({})", "LABEL={}为{}（{}）"),
    ("PARTUUID={} is {} ({})", "PARTUUID={}为{}（{}）"),
];

/// What is put together of several strings.
const OTHERS: &[(&str, &str)] = &[
    ("loader on {}, which is not in this image", "加载程序位于{}，而本镜像中没有"),
    ("system on {}, which is not in this image", "系统位于{}，而本镜像中没有"),
    (
        "dracut assembles no array unless rd.md.uuid={} or rd.auto tells it to",
        "没有rd.md.uuid={}或rd.auto时dracut不组装任何阵列",
    ),
    ("the value that begins there has no end", "从该处开始的值没有结束"),
    ("more than {} system IDs", "系统ID超过{}个"),
    (
        "no rule or error code is called {}; did you mean {}? (image-preflight rules lists the rules)",
        "没有名为{}的规则或错误码；是否指{}？（可用image-preflight rules列出规则）",
    ),
    (
        "flag COPIED is set, {} at byte {} has refcount {}",
        "COPIED标志已置位，但{}（字节{}）的引用计数为{}",
    ),
    (
        "flag COPIED is not set, {} at byte {} has refcount {}",
        "COPIED标志未置位，但{}（字节{}）的引用计数为{}",
    ),
    ("{}, found: {}", "{}，已找到：{}"),
    ("{}, missing: {}", "{}，缺失：{}"),
    ("{}, broken: {}", "{}，无法使用：{}"),
    ("{}, not known: {}", "{}，未知：{}"),
    ("{}, not needed: {}", "{}，不需要：{}"),
    ("partition {} is active; {}", "分区{}为活动分区；{}"),
    ("whole disk ({})", "整个磁盘（{}）"),
    ("partition {} ({})", "分区{}（{}）"),
    ("{} instead of nothing", "多余的{}"),
    ("root= on {} ({})", "root=位于{}（{}）"),
    (
        "partition {} starts at LBA {}, after its end at LBA {}",
        "分区{}从LBA {}开始，晚于其末尾LBA {}",
    ),
    ("partition {} does not lie within the usable bytes {} to {}", "分区{}不在可用字节{}至{}之内"),
    ("partition {} ends at byte {} of {}", "分区{}在字节{}结束（共{}字节）"),
    ("partition {} ends at byte {}, the disk at byte {}", "分区{}在字节{}结束，而磁盘在字节{}结束"),
    ("partition {} lies over the extended partition", "分区{}与扩展分区重叠"),
    ("partition {} is active and has no boot code", "分区{}为活动分区，但没有引导代码"),
    ("hd0,{}: the disk has another partition table", "hd0,{}：磁盘使用另一种分区表"),
    ("it leads to {}, which holds no file system", "指向{}，而其中没有文件系统"),
    ("whole disk: {}", "整个磁盘：{}"),
    (
        "no interface with DHCP, no automatic connection, no cloud-init that writes one",
        "没有使用DHCP的网卡，没有自动连接，也没有写入网络配置的cloud-init",
    ),
    ("it needs more than {} things", "其依赖超过{}项"),
    ("{} of {} blocks of {} bytes", "可用块{}/{}（每块{}字节）"),
    ("the content of a file in format empty", "空文件的内容"),
    ("{} is whole disk ({})", "{}为整个磁盘（{}）"),
    ("{} on whole disk ({})", "{}位于整个磁盘（{}）"),
    ("loader on partition {}: {}", "加载程序位于分区{}：{}"),
    ("system on partition {}: {}", "系统位于分区{}：{}"),
    ("loader on partition {}", "加载程序位于分区{}"),
    ("system on partition {}", "系统位于分区{}"),
    ("boot configuration data on partition {}", "启动配置数据位于分区{}"),
    ("{} on partition {} ({})", "{}位于分区{}（{}）"),
    ("{} is partition {} ({})", "{}为分区{}（{}）"),
    ("{} bytes on partition {}", "{}字节，位于分区{}"),
    ("default: Windows {}", "默认：Windows {}"),
    ("partition {}, boot sector, byte {}: {}", "分区{}，引导扇区，字节{}：{}"),
    ("partition {}, boot sector, byte {}", "分区{}，引导扇区，字节{}"),
    ("partition {}, boot sector", "分区{}，引导扇区"),
    ("{}, with 0x55AA; {}", "{}，带有0x55AA；{}"),
    ("{}, without 0x55AA; {}", "{}，没有0x55AA；{}"),
];

/// What the readers of TOML and JSON say, with the file and line that we put before it. They come last:
/// a sentence of ours may end with one of these.
const OF_LIBRARIES: &[(&str, &str)] = &[
    ("{}: missing field {}", "{}：缺少配置项{}"),
    ("{}: unknown field {}, expected one of {}", "{}：未知的配置项{}，应为{}之一"),
    (
        "{}: invalid type: string {}, expected a TOML datetime; a date is written without quotes: expires = 2026-12-31",
        "{}：{}是字符串；日期不加引号：expires = 2026-12-31",
    ),
    ("{}: unknown variant {}, expected one of {}", "{}：未知的取值{}，应为{}之一"),
    ("{}: unknown variant {}, expected {} or {}", "{}：未知的取值{}，应为{}或{}"),
    ("{}: invalid type: {}, expected {}", "{}：类型不符：{}，应为{}"),
    ("{}: duplicate key", "{}：键重复"),
    ("{}: wanted string or table", "{}：应为字符串或表"),
    ("{}: key with no value, expected {}", "{}：键没有值，应为{}"),
    ("{}: string values must be quoted, expected {}", "{}：字符串应加引号，应为{}"),
    ("{}: unquoted keys cannot be empty, expected {}", "{}：键名不能为空，应为{}"),
    ("{}: unclosed table, expected {}", "{}：表名没有结束，应为{}"),
    ("{}: missing escaped value, expected {}", "{}：转义无效，应为{}"),
    ("literal string", "单引号字符串"),
    ("letters, numbers, `-`, `_`", "字母、数字、`-`、`_`"),
    ("stream did not contain valid UTF-8", "不是有效的UTF-8文本"),
    // serde_json.
    ("EOF while parsing a value at line {} column {}", "第{}行第{}列：值没有结束"),
    ("EOF while parsing a string at line {} column {}", "第{}行第{}列：字符串没有结束"),
    ("EOF while parsing a list at line {} column {}", "第{}行第{}列：数组没有结束"),
    ("EOF while parsing an object at line {} column {}", "第{}行第{}列：对象没有结束"),
    ("{} at line {} column {}", "{}（第{}行第{}列）"),
    ("invalid type: {}, expected {}", "类型不符：{}，应为{}"),
    ("invalid length {}, expected {}", "长度{}不符，应为{}"),
    ("struct Document with {} elements", "含{}个成员的对象"),
    ("missing field {}", "缺少成员{}"),
    ("duplicate field {}", "成员{}重复"),
    ("unknown variant {}, expected one of {}", "未知的取值{}，应为{}之一"),
    ("a sequence", "数组"),
    ("a map", "对象"),
    ("a string", "字符串"),
    ("a boolean", "布尔值"),
    ("expected ident", "应为true、false或null"),
    ("expected value", "应为值"),
    ("expected `:`", "应为`:`"),
    ("expected `,` or `}`", "应为`,`或`}`"),
    ("expected `,` or `]`", "应为`,`或`]`"),
    ("key must be a string", "成员名应为字符串"),
    ("trailing characters", "末尾有多余的字符"),
    ("trailing comma", "末尾有多余的逗号"),
    ("invalid escape", "转义无效"),
    ("invalid number", "数字无效"),
    ("number out of range", "数字超出范围"),
    ("recursion limit exceeded", "嵌套过深"),
    ("control character (\\u0000-\\u001F) found while parsing a string", "字符串中有控制字符"),
];

/// What the system says, alone or behind the place that it says it of.
const OF_THE_SYSTEM: &[(&str, &str)] = &[
    ("No such file or directory (os error 2)", "文件或目录不存在"),
    ("Permission denied (os error 13)", "权限不足"),
    ("Not a directory (os error 20)", "不是目录"),
    ("Is a directory (os error 21)", "是目录"),
    ("No space left on device (os error 28)", "设备上没有剩余空间"),
    ("File name too long (os error 36)", "文件名过长"),
    ("Too many levels of symbolic links (os error 40)", "符号链接层数过多"),
];

/// The words in Chinese, as far as they are known.
pub(crate) fn chinese(text: &str) -> Cow<'_, str> {
    translated(text, MAX_DEPTH).map_or(Cow::Borrowed(text), Cow::Owned)
}

fn translated(text: &str, depth: usize) -> Option<String> {
    if text.len() > MAX_TEXT {
        return None;
    }
    if let Some(words) = some_of(text, depth) {
        return Some(words);
    }
    // Of several volumes each is one.
    let volumes: Vec<&str> = text.split(", ").collect();
    let is_volume = |volume: &&str| {
        volume.starts_with("partition ") || (volume.ends_with(')') && !is_prose(volume))
    };
    if volumes.len() > 1 && text.starts_with("partition ") && volumes.iter().all(is_volume) {
        let each = volumes.iter().map(|volume| match translated(volume, depth) {
            Some(words) => Some(words),
            None => (!is_prose(volume)).then(|| (*volume).to_owned()),
        });
        return each.collect::<Option<Vec<_>>>().map(|each| each.join("，"));
    }
    let mut phrases = OTHERS.iter().chain(PHRASES).chain(OF_LIBRARIES);
    let Some((zh, held)) = phrases.find_map(|(en, zh)| Some((*zh, held(en, text)?))) else {
        if let Some(words) = of_the_system(text, depth).or_else(|| absent(text, depth)) {
            return Some(words);
        }
        // Of several phrases each is one.
        let phrases: Vec<&str> = text.split(BETWEEN).collect();
        let each = (phrases.len() > 1).then_some(phrases)?;
        let each = each.into_iter().map(|phrase| translated(phrase, depth));
        return each.collect::<Option<Vec<_>>>().map(|each| each.join("；"));
    };
    let mut out = String::new();
    for (index, piece) in zh.split("{}").enumerate() {
        if let Some(words) = index.checked_sub(1).and_then(|before| held.get(before)) {
            match depth.checked_sub(1).and_then(|depth| translated(words, depth)) {
                Some(inner) => out.push_str(&inner),
                // Half a sentence in each language is worse than a whole one in English.
                None if is_prose(words) => return None,
                None => out.push_str(words),
            }
        }
        out.push_str(piece);
    }
    Some(out)
}

/// What the system says of an error.
fn of_the_system(text: &str, depth: usize) -> Option<String> {
    let mut found = OF_THE_SYSTEM.iter().filter_map(|(en, zh)| Some((text.strip_suffix(en)?, zh)));
    let (before, zh) = found.next()?;
    if before.is_empty() {
        return Some((*zh).to_owned());
    }
    let place = before.strip_suffix(": ")?;
    let words =
        translated(place, depth).or_else(|| (!is_prose(place)).then(|| place.to_owned()))?;
    Some(format!("{words}：{zh}"))
}

/// Names of which the last are only counted: `a, b, and 4 more`.
fn some_of(text: &str, depth: usize) -> Option<String> {
    let (names, more) = text.strip_suffix(" more")?.rsplit_once(", and ")?;
    let more: usize = more.parse().ok()?;
    let names =
        translated(names, depth).or_else(|| (!is_prose(names)).then(|| names.to_owned()))?;
    Some(format!("{names}等（另有{more}个）"))
}

/// That things are not there, each by a name of one word or one that is known: `no atapi, no digit`.
fn absent(text: &str, depth: usize) -> Option<String> {
    let each = text.split(", ").map(|word| {
        let name = word.strip_prefix("no ")?;
        let known = translated(name, depth);
        let name = known.or_else(|| (!name.contains(' ')).then(|| name.to_owned()))?;
        Some(format!("没有{name}"))
    });
    each.collect::<Option<Vec<_>>>().map(|each| each.join("，"))
}

/// What stands between phrases that are put together.
const BETWEEN: &str = "; ";

/// Words that a sentence has and a value, a path or a name has not.
const OF_SENTENCES: &[&str] = &[
    "a", "an", "and", "are", "as", "at", "be", "beyond", "bytes", "does", "has", "have", "inside",
    "is", "more", "no", "not", "of", "or", "than", "that", "the", "to", "was", "were", "which",
    "with",
];

/// Whether it is a sentence or a part of one; what the system says of an error stands as a quotation.
fn is_prose(text: &str) -> bool {
    let mut words = text.split_whitespace().map(|word| word.trim_matches([',', ':', '(', ')']));
    // `be` may be a byte.
    let is_byte = |word: &str| word.len() == 2 && word.chars().all(|char| char.is_ascii_hexdigit());
    text.contains(' ')
        && !text.split(' ').all(is_byte)
        && !text.contains(" (os error ")
        && words.any(|word| OF_SENTENCES.contains(&word))
}

/// What stands in the places of a phrase (never several phrases), when `text` is that phrase.
fn held<'t>(phrase: &str, text: &'t str) -> Option<Vec<&'t str>> {
    let mut pieces = phrase.split("{}");
    let mut rest = text.strip_prefix(pieces.next()?)?;
    let mut held = Vec::new();
    let mut pieces = pieces.peekable();
    if pieces.peek().is_none() {
        return rest.is_empty().then_some(held);
    }
    while let Some(piece) = pieces.next() {
        let (words, behind) = match (pieces.peek(), piece) {
            (None, "") => (rest, ""),
            (None, piece) => (rest.strip_suffix(piece)?, ""),
            (Some(_), piece) => rest.split_once(piece)?,
        };
        if words.is_empty() || words.contains(BETWEEN) {
            return None;
        }
        held.push(words);
        rest = behind;
    }
    Some(held)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_are_found_with_what_they_hold() {
        for (en, zh) in [
            ("no such file", "文件不存在"),
            ("crypto_LUKS is not looked into", "未查看crypto_LUKS内部"),
            (
                "a volume of type raid4, thin, and 4 more is not looked into",
                "未查看类型为raid4, thin等（另有4个）的卷",
            ),
            (
                "vg/a, vg/b have it, and which one is taken is settled at boot",
                "vg/a, vg/b都符合，启动时才能确定使用哪一个",
            ),
            (
                "partition 5, partition 6, and 3 more have it, and which one is taken is settled at boot",
                "分区5，分区6等（另有3个）都符合，启动时才能确定使用哪一个",
            ),
            ("partition 1 (vfat), partition 2", "分区1（vfat），分区2"),
            ("/ on partition 1 (ext4)", "/位于分区1（ext4）"),
            (
                "Windows' partition, found: loader on partition 2: partition 4 of disk x",
                "Windows所在分区，已找到：加载程序位于分区2：分区4（磁盘x）",
            ),
            ("the file exists", "文件存在"),
            ("bit 4: extended L2 entries", "位4：扩展L2项"),
            ("/a/b: no such file or directory", "/a/b：文件或目录不存在"),
            (
                "the kernel, broken: cut short: 20991 of 20992 bytes",
                "内核，无法使用：被截断：20991/20992字节",
            ),
            (
                "ext inode at byte 8: expected checksum 0x1, found 0x2",
                "ext inode（字节8）：应为校验和0x1，实际为0x2",
            ),
            (
                "refcount 0, references 2: qcow2 L2 table at byte 262144, entry 0 (guest byte 0); qcow2 L2 table at byte 262144, entry 16 (guest byte 1048576)",
                "引用计数为0，实际引用数为2：qcow2 L2表（字节262144）第0项（磁盘字节0）；qcow2 L2表（字节262144）第16项（磁盘字节1048576）",
            ),
            (
                "also used: qcow2 L1 table, entry 1; qcow2 L2 table at byte 8, entry 2 (guest byte 3)",
                "同时被用作：qcow2 L1表第1项；qcow2 L2表（字节8）第2项（磁盘字节3）",
            ),
            (
                "no rule or error code is called fstab; did you mean fstab-uuid? (image-preflight rules lists the rules)",
                "没有名为fstab的规则或错误码；是否指fstab-uuid？（可用image-preflight rules列出规则）",
            ),
            (
                "refcount block at byte 8: reaches to byte 9, the file ends at 7",
                "引用计数块（字节8）：延伸到字节9，而文件在字节7结束",
            ),
            (
                "expected a compressed kernel that unpacks to 48284 bytes, found damaged data (GRUB's error correction, if it was embedded, was not tried)",
                "应为解压后为48284字节的压缩内核，实际为损坏的数据（未尝试使用GRUB可能内嵌的纠错码）",
            ),
            (
                "expected an L1 table of up to 33554432 bytes, found 640 bytes at byte 196608",
                "应为不超过33554432字节的L1表，实际为640字节，位于字节196608",
            ),
            ("expected a checksum entry, found another", "应为校验和项，实际为另一个"),
            ("fewer than 16 bytes", "少于16字节"),
            (
                "/boot/vmlinuz on partition 1 (ext4) needs ext2, and the core image has only lvm",
                "/boot/vmlinuz位于分区1（ext4）需要模块ext2，而核心镜像中只有lvm",
            ),
            (
                "where /boot leads by btrfs-mount-subvol is not followed",
                "未跟踪/boot经btrfs-mount-subvol指向的位置",
            ),
            (
                "it belongs to the host with the system ID a: /etc/lvm/lvm.conf:3: LVM takes its system ID from x, which is not followed",
                "属于系统ID为a的主机：/etc/lvm/lvm.conf:3：LVM的系统ID来自x，未跟踪",
            ),
            (
                "all compressed files that were read: more than 9 bytes decompressed in vain, the rest was not read",
                "读取的所有压缩文件：超过9 字节的无效解压，其余部分未读取",
            ),
            (
                "configurations of boot loaders: more than 8 places, the rest was not read",
                "引导程序的配置：超过8 处，其余部分未读取",
            ),
            (
                "/etc/netplan/a.yaml:1: which files /a* names is not read",
                "/etc/netplan/a.yaml:1：未读取/a*匹配哪些文件",
            ),
            (
                "compressed on partition 2, and the boot sector reads no such file",
                "在分区2上已压缩，而引导扇区不能读取压缩文件",
            ),
            (
                "it belongs to the host with the system ID a; the guest has none",
                "属于系统ID为a的主机；该系统没有ID",
            ),
        ] {
            assert_eq!(chinese(en), zh);
        }
    }

    #[test]
    fn data_stays_as_it_is() {
        for text in
            ["", "UUID=1 / ext4 defaults 0 1", "LVM", "bytes", " is not looked into", "文件"]
        {
            assert_eq!(chinese(text), text);
        }
        let long = "x".repeat(MAX_TEXT) + " is not looked into";
        assert_eq!(chinese(&long), long);
        let nested = "damaged: ".repeat(100) + "x";
        assert!(chinese(&nested).ends_with("damaged: damaged: x"));
    }

    #[test]
    fn a_phrase_is_in_one_language() {
        for text in [
            "expected a shrub of many leaves, found a tree",
            "damaged: the shrub has no leaves",
            "no such file; the shrub has no leaves",
            "damaged: no such file; the shrub has no leaves",
        ] {
            assert_eq!(chinese(text), text);
        }
        let text = "cannot read x y: Disk quota exceeded (os error 122)";
        assert_eq!(chinese(text), text.replace("cannot read ", "无法读取").replace(": ", "："));
        for (en, zh) in [
            ("cannot write x: Is a directory (os error 21)", "无法写入x：是目录"),
            ("/a b: Not a directory (os error 20)", "/a b：不是目录"),
            ("the shrub has no leaves: Not a directory (os error 20)", ""),
            ("no atapi", "没有atapi"),
            ("no upper-case letter, no digit", "没有大写字母，没有数字"),
            ("no leaves of a shrub", ""),
            ("boot code, found: 33 c0 8e be", "引导代码，已找到：33 c0 8e be"),
            (
                "partition 1 (ext4), partition 2 (LVM2_member), system/root (ext4)",
                "分区1（ext4），分区2（LVM2_member），system/root (ext4)",
            ),
            (
                "/: 4 of 8 blocks of 1024 bytes, 3 of 9 inodes",
                "/：可用块4/8（每块1024字节），可用inode 3/9",
            ),
        ] {
            assert_eq!(chinese(en), if zh.is_empty() { en } else { zh });
        }
    }

    #[test]
    fn both_languages_hold_as_much() {
        let libraries = OF_LIBRARIES.iter().chain(OF_THE_SYSTEM);
        for (en, zh) in PHRASES.iter().chain(OTHERS).chain(libraries) {
            assert_eq!(en.matches("{}").count(), zh.matches("{}").count(), "{en}");
        }
    }

    /// The first phrase that fits is the one that is said: a wider one before it leaves it dead.
    #[test]
    fn every_phrase_is_reached() {
        for (en, zh) in OTHERS.iter().chain(PHRASES).chain(OF_LIBRARIES) {
            let said = en.replace("{}", "xyzzy");
            assert_eq!(chinese(&said), zh.replace("{}", "xyzzy"), "{en}");
        }
    }

    /// A phrase that nobody says any more is one that somebody says in other words now.
    #[test]
    fn every_phrase_is_said_somewhere() {
        fn sources(directory: &std::path::Path, all: &mut String) {
            for entry in std::fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    sources(&path, all);
                } else if path.extension().is_some_and(|end| end == "rs")
                    && !path.ends_with("chinese.rs")
                {
                    all.push_str(&std::fs::read_to_string(path).unwrap());
                }
            }
        }
        let mut all = String::new();
        sources(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut all);
        for (en, _) in PHRASES {
            let longest = en.split("{}").max_by_key(|piece| piece.len()).unwrap();
            assert!(all.contains(longest.trim_matches([',', ' ', ':'])), "{en}");
        }
    }
}
